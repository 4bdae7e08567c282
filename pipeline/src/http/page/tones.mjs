// Text carried over audio tones, as pipeline/src/audio/tones.rs documents it: only the way out.
export const RATE = 24000;

export function encode(text) {
  const data = [...new TextEncoder().encode(text)];
  const check = data.reduce((value, byte) => ((value << 1 | value >> 7) & 255) ^ byte, 0x5a);
  const frame = [data.length >> 8, data.length & 255, ...data, check];
  const row = [16, 17, 16, 17, ...frame.flatMap((byte) => [byte >> 4, byte & 15])];
  const width = RATE / 50;
  const samples = new Int16Array(row.length * width);
  let phase = 0;
  row.forEach((tone, at) => {
    for (let i = 0; i < width; i++, phase += 2 * Math.PI * (500 + 150 * tone) / RATE) {
      samples[at * width + i] = 9000 * Math.sin(phase);
    }
  });
  return samples;
}
