"""Text carried over audio tones, as pipeline/src/audio/tones.rs documents it: written again, to check the document."""

import math
import struct

TONES_A_SECOND = 50
MARK, SPACE = 16, 17
PREAMBLE = [MARK, SPACE, MARK, SPACE]


def check(data: bytes) -> int:
    value = 0x5A
    for byte in data:
        value = ((value << 1 | value >> 7) & 0xFF) ^ byte
    return value


def encode(text: str, rate: int) -> bytes:
    """The audio of a text: mono, 16 bits."""
    data = text.encode()
    tones = list(PREAMBLE)
    for byte in len(data).to_bytes(2, "big") + data + bytes([check(data)]):
        tones += [byte >> 4, byte & 15]
    width, phase, samples = rate // TONES_A_SECOND, 0.0, []
    for tone in tones:
        step = math.tau * (500 + 150 * tone) / rate
        for _ in range(width):
            samples.append(int(9000 * math.sin(phase)))
            phase += step
    return struct.pack(f"<{len(samples)}h", *samples)


def decode(audio: bytes, rate: int) -> str:
    """The texts of frames that follow each other without a gap."""
    samples = struct.unpack(f"<{len(audio) // 2}h", audio)
    width = rate // TONES_A_SECOND

    def loudest(at: int) -> int:
        window = samples[at : at + width]

        def power(tone: int) -> float:
            turn = 2 * math.cos(math.tau * (500 + 150 * tone) / rate)
            one = two = 0.0
            for sample in window:
                one, two = sample + turn * one - two, one
            return one * one + two * two - turn * one * two

        return max(range(18), key=power)

    texts, at = [], 0
    while at + 10 * width <= len(samples):
        tones = [loudest(at + index * width) for index in range(8)]
        if tones[:4] != PREAMBLE:
            raise ValueError(f"no preamble at sample {at}: {tones}")
        length = tones[4] << 12 | tones[5] << 8 | tones[6] << 4 | tones[7]
        at += 8 * width
        halves = [loudest(at + index * width) for index in range(2 * length + 2)]
        data = bytes(high << 4 | low for high, low in zip(halves[::2], halves[1::2]))
        if data[-1] != check(data[:-1]):
            raise ValueError("a frame is damaged")
        texts.append(data[:-1].decode())
        at += (2 * length + 2) * width
    return " ".join(texts)
