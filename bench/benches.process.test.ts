import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { nothingToCompareExitCode } from './lib/exit-codes.ts';
import type { Report } from './lib/row.ts';
import { forms } from './lib/short-forms.ts';

/** Those that need a program that is not part of this project. */
const comparisons = new Set(['etcd', 'failover', 'kv-memory']);
/** Those that measure nothing themselves. */
const helpers = new Set(['all', 'plots']);
const timeoutMs = 240_000;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly problems: string;
}

async function runShortest(name: string): Promise<Ended> {
  const program = path.join(import.meta.dirname, `${name}.ts`);
  const flags = ['--conditions=quorate-source', '--disable-warning=ExperimentalWarning'];
  const extra = comparisons.has(name) ? ['--no-install'] : [];
  const args = [...flags, program, ...(forms[name]?.shortest ?? []), ...extra];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [output, problems] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exitCode: await exited, output, problems };
}

function reportsIn(output: string): Report[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Report);
}

test('every benchmark has a short form', () => {
  const programs = readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => path.basename(file, '.ts'))
    .filter((name) => !helpers.has(name));

  expect(Object.keys(forms).toSorted()).toEqual(programs.toSorted());
});

describe('in its shortest form', () => {
  const alone = Object.keys(forms).filter((name) => !comparisons.has(name));

  test.each(alone)('%s prints figures', { timeout: timeoutMs }, async (name) => {
    const { exitCode, output, problems } = await runShortest(name);

    expect({ exitCode, problems: exitCode === 0 ? '' : problems }).toEqual({
      exitCode: 0,
      problems: '',
    });
    const reports = reportsIn(output);
    expect(reports.length).toBeGreaterThan(0);
    for (const report of reports) expect(faultsOf(report, name)).toEqual([]);
  });

  test.each([...comparisons])(
    '%s prints figures, or what is missing',
    {
      timeout: timeoutMs,
    },
    async (name) => {
      const { exitCode, output, problems } = await runShortest(name);

      const isLeftOut = exitCode === nothingToCompareExitCode;
      expect(isLeftOut || exitCode === 0 ? '' : problems).toBe('');
      expect(isLeftOut ? problems : output).toMatch(/There is no etcd here|"rows":\[\{/);
      expect(reportsIn(output).flatMap((report) => faultsOf(report, name))).toEqual([]);
    },
  );
});

/** What is wrong with what it has printed. */
function faultsOf({ name, machine, rows }: Report, of: string): string[] {
  const faults: string[] = [];
  if (!name.startsWith(of)) faults.push(`It calls itself ${name}.`);
  if (!('node' in machine)) faults.push('It does not say which Node it ran on.');
  if (rows.length === 0) faults.push('It has no row.');
  for (const [column, cell] of rows.flatMap((row) => Object.entries(row))) {
    if (typeof cell === 'number' && !Number.isFinite(cell)) faults.push(`${column} is no number.`);
    // What JSON makes of a number that is none.
    if (cell === null) faults.push(`${column} is null.`);
  }
  return faults;
}
