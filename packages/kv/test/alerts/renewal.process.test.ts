import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { issue, makeAuthority } from '../../../quorate/test/network/tcp/certificates.ts';
import { readConfig } from '../../src/server/config/read-config.ts';
import { TlsFromFiles } from '../../src/server/tls-files.ts';
import { freePorts, runProgram } from '../serve/support/program.ts';

const authority = makeAuthority('tests');
let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'quorate-renewal-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

/** Writes the three files. Returns the certificate that they hold. */
async function writeFiles(until: string): Promise<{ readonly cert: string; readonly key: string }> {
  const own = issue(authority, { names: ['localhost'], ips: ['127.0.0.1'], until });
  await writeFile(at('cert'), own.cert);
  await writeFile(at('key'), own.key);
  await writeFile(at('ca'), authority.cert);
  return own;
}

/** The year in which the certificate ends that is shown at a port. */
function shownAt(port: number, own: { cert: string; key: string }): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.cert, ...own }, () => {
      resolve(/\d{4}/.exec(socket.getPeerCertificate().valid_to)?.[0]);
      socket.destroy();
    });
    socket.on('error', () => resolve(undefined));
  });
}

test('on SIGHUP a member shows new certificates at both ports, and keeps what it has if they are wrong', async () => {
  const own = await writeFiles('40');
  const [port = 0, httpPort = 0] = await freePorts(2);
  const where = ['--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${httpPort}`];
  const files = ['--tls-cert', at('cert'), '--tls-key', at('key'), '--tls-ca', at('ca')];
  await using program = runProgram('serve', '--name', 'a', '--data', at('a'), ...where, ...files);
  const shown = () => Promise.all([shownAt(port, own), shownAt(httpPort, own)]);
  const untilShown = (year: string): Promise<void> =>
    vi.waitFor(async () => expect(await shown()).toEqual([year, year]), 20_000);
  await untilShown('2040');

  await writeFiles('45');
  expect(await shown()).toEqual(['2040', '2040']);
  program.child.kill('SIGHUP');
  await untilShown('2045');

  await writeFile(at('cert'), 'nothing of the kind');
  program.child.kill('SIGHUP');
  await writeFiles('47');
  program.child.kill('SIGHUP');
  await untilShown('2047');
  program.child.kill('SIGTERM');
  const { code, out } = await program.ended;
  expect(code).toBe(0);
  expect(out.match(/the certificates were read anew/g)?.length).toBeGreaterThanOrEqual(2);
});

test('files that are read anew are looked at before they are in force', async () => {
  const { cert, key } = await writeFiles('40');
  const files = { cert: at('cert'), key: at('key'), ca: at('ca'), nodeNames: 'any' as const };
  const tls = new TlsFromFiles(files);

  expect(tls.renew()).toBe(false);
  await writeFile(at('cert'), issue(authority, { names: ['x'] }).cert);
  expect(() => tls.renew()).toThrow(
    /The certificates in .*cert, .*key and .*ca cannot be used: .* Put back a certificate with its own key\./,
  );
  expect(tls.options).toMatchObject({ cert, key });
  await rm(at('cert'));
  expect(() => tls.renew()).toThrow('ENOENT');
  const next = await writeFiles('45');
  expect(tls.renew()).toBe(true);
  expect(tls.options).toMatchObject(next);
});

test('a disk bound that is less than three files of the log is refused with what it must be', () => {
  const args = ['--name', 'a', '--data', 'd', '--set', 'disk.lowBytes=47MiB'];
  const read = (...more: readonly string[]) =>
    readConfig({ args: [...args, ...more], folder: '/', readFile: () => '' });

  expect(read()).toMatchObject({
    type: 'wrong',
    problems: [expect.stringMatching(/disk\.lowBytes must be room for three .* 50331648 bytes/)],
  });
  expect(read('--set', 'disk.segmentBytes=15MiB')).toMatchObject({
    type: 'run',
    config: { disk: { lowBytes: 47 * 1024 * 1024, segmentBytes: 15 * 1024 * 1024 } },
  });
});
