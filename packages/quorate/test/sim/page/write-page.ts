import { readFileSync } from 'node:fs';

import type { Run } from './browser/run.ts';
import { escapeHtml, scriptJson } from './embed.ts';
import { linkModules } from './link-modules.ts';
import { tailOfRun } from './tail-of-run.ts';

/** With more events a page gets too large for a browser; the last ones count most. */
const maxEvents = 200_000;

/**
 * A run as an HTML page that stands alone: a space-time diagram, step by step, with the logs of all
 * nodes at each event. It loads nothing, and whatever the texts of the run are, they stay texts.
 *
 * @param options.maxEvents How many of the last events the page holds; 200,000 if absent. Of the
 *   events before it holds what is still true where it begins.
 * @throws RangeError if there is no event, `TypeError` if the file is of another version.
 */
export function writePage(run: Run, options: { readonly maxEvents?: number } = {}): string {
  checkRun(run);
  const { version, seed, knobs, nodes } = run;
  const { events } = tailOfRun(run, options.maxEvents ?? maxEvents);
  // Nothing else of the file: the choices are for a replay, and can be as long as the events.
  const shown: Run = { version, seed, knobs, nodes, events };
  const title = `Run ${seed}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>
${readFileSync(new URL('./page.css', import.meta.url), 'utf8')}</style>
</head>
<body>
${header(shown, run.events.length)}
${toolbar}
${body}
${about(shown)}
<script type="application/json" id="run">${scriptJson(shown)}</script>
<script type="module">
${linkModules(new URL('./browser/main.ts', import.meta.url))}</script>
</body>
</html>
`;
}

function checkRun(run: Run): void {
  const version: number = run.version;
  if (version !== 1) {
    throw new TypeError(
      `The page reads runs of version 1, and this one says version ${String(version)}. ` +
        'Write the run again from its seed.',
    );
  }
  if (run.events.length === 0) {
    throw new RangeError(
      'A page needs at least one event, and this run has none. Keep the trace while it runs.',
    );
  }
}

function header(run: Run, eventCount: number): string {
  const last = run.events.at(-1);
  const facts = [
    `${run.nodes.length} nodes`,
    `${eventCount.toLocaleString('en')} events`,
    `${((last?.at ?? 0) / 1000).toLocaleString('en')} s of virtual time`,
  ];
  // What is kept of the time before the last events has numbers that do not follow each other.
  if (run.events.length < eventCount) facts.push('shown: the last of them');
  const verdicts = run.events.flatMap((event) => {
    if (event.type !== 'violation') return [];
    const text = `Event #${event.number} violates ${event.code}: ${event.text}`;
    return [`<p class="verdict">${escapeHtml(text)}</p>`];
  });
  return `<header>
<h1>Run ${escapeHtml(run.seed)}</h1>
${facts.map((fact) => `<p>${fact}</p>`).join('\n')}
${verdicts.slice(0, 3).join('\n')}
</header>`;
}

const toolbar = `<div class="toolbar" role="toolbar" aria-label="Steps and view">
<button type="button" id="first" title="First event (Home)">|◀ first</button>
<button type="button" id="previous" title="Previous event (←)">◀ previous</button>
<button type="button" id="next" title="Next event (→)">next ▶</button>
<button type="button" id="last" title="Last event (End)">last ▶|</button>
<button type="button" id="violation" title="The violation (v)">✗ violation</button>
<label>through <select id="group"></select></label>
<label>of <select id="name"></select></label>
<label>with <input id="search" type="search" placeholder="text, then Enter (/)"></label>
<span id="place"></span>
<button type="button" id="zoomIn" title="Zoom in (+)" aria-label="Zoom in">+</button>
<button type="button" id="zoomOut" title="Zoom out (−)" aria-label="Zoom out">−</button>
<button type="button" id="left" title="Move left (Shift ←)" aria-label="Move left">⟵</button>
<button type="button" id="right" title="Move right (Shift →)" aria-label="Move right">⟶</button>
<button type="button" id="whole" title="The whole run (0)">whole run</button>
<label>axis <select id="axis">
<option value="events">each event</option><option value="time">virtual time</option>
</select></label>
<button type="button" id="theme" title="Light or dark">◐ theme</button>
<span id="density" role="status"></span>
</div>`;

const body = `<canvas id="overview" role="img" aria-label="The whole run in a strip"></canvas>
<div id="frame">
<canvas id="diagram" tabindex="0" role="application" aria-describedby="event-title"
  aria-label="Space-time diagram. Arrow keys step through the events."></canvas>
<div id="hint" role="tooltip" hidden></div>
</div>
<div class="panels">
<section aria-label="The current event">
<p id="event-title" aria-live="polite"></p>
<dl id="event-facts"></dl>
<ol id="list" aria-label="Events around it"></ol>
</section>
<section aria-labelledby="logs-title">
<h2 id="logs-title">Logs right after this event: the term of each entry by index</h2>
<div id="logs" tabindex="0" role="region" aria-labelledby="logs-title"></div>
<div class="ends">
<label for="log-first">first index shown</label>
<input type="range" id="log-first" min="1" max="1" value="1">
<button type="button" id="log-end">follow the end</button>
<span>filled: committed; dashed: not yet; underlined: applied; ·: purged;
⇥: does not reach these</span>
</div>
</section>
</div>`;

function about(run: Run): string {
  return `<details open>
<summary>Legend and keys</summary>
<ul id="legend"></ul>
<dl id="keys"></dl>
</details>
<details>
<summary>Knobs of the run</summary>
<pre>${escapeHtml(JSON.stringify(run.knobs, undefined, 2))}</pre>
</details>
<noscript>The diagram is drawn by a script, and scripts are off.</noscript>`;
}
