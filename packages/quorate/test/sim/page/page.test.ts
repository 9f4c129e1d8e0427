import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';

import { expect, test } from 'vitest';

import type { TraceEvent } from '../trace.ts';
import { escapeHtml, scriptJson } from './embed.ts';
import { linkModules } from './link-modules.ts';
import { madeUpRun } from './made-up-run.ts';
import { writePage } from './write-page.ts';

const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'];

/** The run that a page carries, read as the page reads it. */
function runInPage(page: string): {
  readonly events: readonly TraceEvent[];
  readonly nodes: readonly string[];
} {
  const data = /<script type="application\/json" id="run">([^<]*)<\/script>/.exec(page)?.[1];
  return JSON.parse(data ?? '') as ReturnType<typeof runInPage>;
}

/** What a reader of HTML sees as tags, in their order. */
function tagsOf(page: string): readonly string[] {
  const scripts = page.replaceAll(/(<script[^>]*>)[^]*?(<\/script>)/g, '$1$2');
  return [...scripts.matchAll(/<\/?[a-z!][^>]*>/g)].map(([tag]) => tag);
}

test('a page carries the whole run and loads nothing', () => {
  const run = madeUpRun({ seed: 'whole', nodes, eventCount: 1500 });

  const page = writePage(run);

  expect(runInPage(page).events).toEqual(run.events);
  expect(page).toContain("default-src 'none'");
  expect(page).not.toMatch(/\s(src|href)=|@import|url\(|https?:/);
  expect(page).toContain('Event #1500 violates S8 leader-completeness');
});

test('every control that the script asks for is in the page', () => {
  const page = writePage(madeUpRun({ seed: 'controls', nodes, eventCount: 300 }));
  const script = linkModules(new URL('./browser/main.ts', import.meta.url));

  const asked = [...script.matchAll(/(?:byId\((?:\w+\.)*document, |onInput\()'([^']+)'/g)];
  const commands = ['first', 'previous', 'next', 'last', 'violation', 'zoomIn', 'zoomOut'];
  const ids = [...asked.map((match) => match[1]), ...commands, 'left', 'right', 'whole'];

  expect(asked.length).toBeGreaterThan(15);
  for (const id of ids) expect(page).toContain(`id="${id}"`);
});

test('names and texts that look like HTML stay texts', () => {
  const hostile = '</script><b onload=x>&"\'<!--';
  const plain = madeUpRun({ seed: 'texts', nodes: ['n1', 'n2', 'n3'], eventCount: 200 });
  const eventsWith = (text: string): readonly TraceEvent[] => [
    { number: 1, at: 0, type: 'start', node: text, detail: text },
    { number: 2, at: 1, type: 'violation', code: text, text },
  ];
  const events = eventsWith(hostile);
  const knobs = { [hostile]: hostile };

  const page = writePage({ ...plain, seed: hostile, nodes: [hostile], knobs, events });
  const harmless = { seed: 'x', nodes: ['x'], knobs: { x: 'x' }, events: eventsWith('x') };
  const calm = writePage({ ...plain, ...harmless });

  expect(tagsOf(page)).toEqual(tagsOf(calm));
  expect(runInPage(page).nodes).toEqual([hostile]);
  expect(runInPage(page).events).toEqual(events);
});

test('escaped text and JSON read back as they were', () => {
  const text = `<script> & "both" 'quotes' \u2028 \ud800 </script>`;

  expect(escapeHtml(text)).not.toMatch(/[<>"']|&(?!#\d+;)/);
  expect(scriptJson({ text })).not.toContain('<');
  expect(JSON.parse(scriptJson({ text }))).toEqual({ text });
});

test('a page of 50,000 events stays below 8 MB, and of an empty cluster below 150 KB', () => {
  const large = writePage(madeUpRun({ seed: 'large', nodes, eventCount: 50_000 }));
  const small = writePage(madeUpRun({ seed: 'small', nodes, eventCount: 3 }));

  expect(large.length).toBeLessThan(8_000_000);
  expect(small.length).toBeLessThan(150_000);
});

test('a run of another version and one without events are refused with what to do', () => {
  const run = madeUpRun({ seed: 'refused', nodes, eventCount: 10 });

  expect(() => writePage({ ...run, version: 2 as 1 })).toThrow(/version 1.*version 2.*again/);
  expect(() => writePage({ ...run, events: [] })).toThrow(/at least one event/);
});

test('the linked script is one program that runs up to the first call of the browser', () => {
  const script = linkModules(new URL('./browser/main.ts', import.meta.url));
  const asked: string[] = [];
  const document = {
    getElementById: (id: string): undefined => {
      asked.push(id);
      throw new Error('no page');
    },
  };

  expect(() => {
    runInNewContext(script, { document });
  }).toThrow('no page');
  expect(asked).toEqual(['run']);
  expect(script).not.toMatch(/<\/script|<!--/);
});

test('modules are linked with names of their own, each once, and in the order of their imports', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'quorate-page-'));
  const write = (name: string, text: string): URL => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return pathToFileURL(file);
  };
  try {
    write(
      'low.ts',
      'const seen: string[] = [];\nexport const note = (text: string) => seen.push(text);\n',
    );
    write(
      'high.ts',
      "import { note } from './low.ts';\nexport function seen(): number {\n  return note('x');\n}\n",
    );
    const entry = write(
      'main.ts',
      "import { seen as count } from './high.ts';\nimport { note } from './low.ts';\nnote('y');\nresult.count = count();\n",
    );
    const result = { count: 0 };

    runInNewContext(linkModules(entry), { result });

    expect(result.count).toBe(2);
    write('low.ts', "import { seen } from './high.ts';\nexport const note = seen;\n");
    expect(() => linkModules(entry)).toThrow(/imports itself/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a module that is not beside the page is not linked', () => {
  const entry = new URL('./write-page.ts', import.meta.url);

  expect(() => linkModules(entry)).toThrow(/imports "node:fs"; the page takes files beside it/);
});
