// What operators see: gauges, memory, queues and tasks, looked at again and again.

/** Between two looks, in milliseconds. */
const PAUSE = 1000;
/** How long an answer may take, in milliseconds. */
const LIMIT = 5000;
/** The tasks that are shown. */
const TASKS = 200;

/** Keeps the panel up to date until `signal` says that it is over; `engines` is told what the service runs on. */
export async function watch(key, engines, signal) {
  while (!signal.aborted) {
    try {
      const asked = { signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT)]) };
      if (key()) asked.headers = { authorization: `Bearer ${key()}` };
      engines(await look(asked));
    } catch (error) {
      if (!signal.aborted) document.getElementById("engines").textContent = `cannot look: ${error.message}`;
    }
    await pause(signal);
  }
}

async function look(asked) {
  const now = await ask("/diagnostics", asked).then((answer) => answer.json());
  // It is off unless the settings say so, and somebody else may be looking.
  const memory = now.memory ? await ask("/memory", asked).then((answer) => answer.text(), () => "") : "";
  const { connections, sessions, turns, uptime_seconds: uptime } = now;
  rows("gauges", Object.entries({ connections, sessions, turns, "running, seconds": uptime.toFixed(0) }));
  rows("memory", memory.split("\n").filter((line) => line.includes(":")).map(pair));
  rows("queues", Object.entries(now.longest_queues));
  const tasks = now.tasks.toSorted((a, b) => b.age_seconds - a.age_seconds);
  const shown = tasks.slice(0, TASKS).map((task) => [`${task.scope} / ${task.name}`, `${task.age_seconds.toFixed(1)} s`]);
  rows("tasks", tasks.length > TASKS ? [...shown, ["more", tasks.length - TASKS]] : shown);
  return now;
}

async function ask(path, asked) {
  const answer = await fetch(path, asked);
  if (answer.ok) return answer;
  throw new Error(answer.status === 401 ? "the service asks for a key" : `${path} answers ${answer.status}`);
}

/** The name before the first colon, and what is after it. */
function pair(line) {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function rows(table, pairs) {
  document.getElementById(table).tBodies[0].replaceChildren(...pairs.map(([name, value]) => {
    const [row, head, cell] = ["tr", "th", "td"].map((tag) => document.createElement(tag));
    head.scope = "row";
    head.textContent = name;
    cell.textContent = value;
    row.append(head, cell);
    return row;
  }));
}

/** Waits, unless it is over before. */
function pause(signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, PAUSE);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
