import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isKvErrorCode } from '../../src/errors.ts';
import { alertKinds } from '../../src/server/alerts/kinds.ts';
import { readConfig } from '../../src/server/config/read-config.ts';
import { KvMetrics } from '../../src/server/metrics.ts';

// What the page for operators and the files in deploy say is what the server has.

const root = path.join(import.meta.dirname, '..', '..', '..', '..');
const deploy = path.join(root, 'deploy');
const page = readFileSync(path.join(root, 'docs', 'guide', 'operations.md'), 'utf8');
const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);

const read = (name: string): string => readFileSync(path.join(deploy, name), 'utf8');

test('the page has the table of alerts', () => {
  const rows = page
    .split('\n')
    .filter((line) => /^\| `[a-z-]+` \| (error|warning|info) \|/.test(line));

  expect(rows).toEqual(
    Object.entries(alertKinds).map(
      ([code, { severity, means, advice }]) =>
        `| \`${code}\` | ${severity} | ${means} | ${advice} |`,
    ),
  );
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

const rules = (
  parse(read('alerts.yaml')) as { readonly groups: readonly { readonly rules: readonly Rule[] }[] }
).groups.flatMap((group) => group.rules);
/** What the server that scrapes knows by itself. */
const ofPrometheus = new Set(['up']);
const words = /\b(?:quorate|process|nodejs)_\w+|\bup\b/g;

async function metricNames(): Promise<ReadonlySet<string>> {
  const text = await new KvMetrics().text();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`, name] : [name],
  );
  return new Set([...names, ...ofPrometheus]);
}

describe('the alert rule', () => {
  test.each(rules)('$alert goes by metrics that are there', async ({ expr }) => {
    const names = await metricNames();

    const used = expr.match(words) ?? [];
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
    for (const [, code = ''] of expr.matchAll(/\bcode="([^"]+)"/g)) {
      expect(isKvErrorCode(code) || Object.hasOwn(alertKinds, code)).toBe(true);
    }
  });

  test.each(rules)('$alert names a section of the page', ({ annotations: { runbook } }) => {
    const [file, heading] = runbook.split(': ');

    expect(file).toBe('operations.md');
    expect(headings).toContain(heading);
  });
});

test('the page names metrics that are there, and each rule by its metric', async () => {
  const names = await metricNames();
  const named = new Set(page.match(/`(?:quorate|process)_\w+/g)?.map((name) => name.slice(1)));

  expect([...named].filter((name) => !names.has(name))).toEqual([]);
  const inRules = rules.flatMap(({ expr }) => expr.match(words) ?? []);
  const shown = page.slice(page.indexOf('## Metrics worth'), page.indexOf('## Sizing'));
  const missing = inRules.filter((name) => !shown.includes(name.replace(/_(bucket|count)$/, '')));
  expect(missing).toEqual([]);
});

test('each member of the example of containers has a right command, and all know the same', () => {
  const { services, volumes } = parse(read('compose.yaml'), { merge: true }) as {
    readonly services: Readonly<Record<string, { command: string[]; volumes: string[] }>>;
    readonly volumes: object;
  };

  expect(Object.keys(services)).toEqual(['a', 'b', 'c']);
  for (const [name, { command, volumes: own }] of Object.entries(services)) {
    const [verb, ...args] = command;
    const config = readConfig({ args, folder: '/', readFile: () => '' });
    expect(verb).toBe('serve');
    expect(config).toMatchObject({
      type: 'run',
      config: { name, peers: { a: 'a:7001', b: 'b:7001', c: 'c:7001' } },
    });
    const [volume, place = ''] = (own[0] ?? '').split(':');
    expect(Object.keys(volumes)).toContain(volume);
    expect(command).toContainEqual(expect.stringContaining(`--data=${place}/`));
  }
});

test('the container ends by the signal, has the ports, and looks where the server answers', () => {
  const file = read('Containerfile');
  const [, check = '[]'] = /HEALTHCHECK .* CMD (\[.*\])/.exec(file) ?? [];
  const [, entry = '[]'] = /ENTRYPOINT (\[.*\])/.exec(file) ?? [];

  expect(file).toContain('STOPSIGNAL SIGTERM');
  expect(file).toMatch(/^EXPOSE 7001 8001$/m);
  expect(file).toMatch(/^USER node$/m);
  expect((JSON.parse(check) as string[])[0]).toBe('node');
  expect(JSON.parse(entry)).toEqual(['quorate']);
  // The program of the check is one, whatever it finds.
  const [, , program = ''] = JSON.parse(check) as string[];
  const found = spawnSync(process.execPath, ['-e', program.replace('8001', '1')]);
  expect({ status: found.status, err: String(found.stderr) }).toEqual({ status: 1, err: '' });
});

const analyze = spawnSync('systemd-analyze', ['--version']);
const noSystemd = analyze.error === undefined ? '' : ' (skipped: systemd-analyze is not here)';

// The name says why it is skipped where it is.
describe.skipIf(noSystemd !== '')(`the unit for systemd${noSystemd}`, () => {
  const unit = path.join(deploy, 'quorate.service');

  test('is what systemd takes, without a complaint', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', unit]);

    const said = `${String(stdout)}${String(stderr)}`;
    // Complaints about other units of this machine are not ours.
    const ours = said.split('\n').filter((line) => line.includes('quorate.service'));
    expect({ status, ours }).toEqual({ status: 0, ours: [] });
  });

  test('lets the member do little else than serve', () => {
    const args = ['security', '--offline=true', '--threshold=25', '--no-pager', unit];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args);

    const said = `${String(stdout)}${String(stderr)}`;
    expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' });
  });

  test('gives a stop longer than the member takes for it by default', () => {
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(read('quorate.service'))?.[1]);

    expect(seconds).toBeGreaterThan(10);
  });
});

test('the script for rolling restarts is one that bash reads', () => {
  const { status, stderr } = spawnSync('bash', ['-n', path.join(deploy, 'rolling-restart.sh')]);

  expect({ status, stderr: String(stderr) }).toEqual({ status: 0, stderr: '' });
});
