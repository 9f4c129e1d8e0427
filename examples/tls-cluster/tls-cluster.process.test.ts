import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { eventually } from '../kv-memstore/test-support/eventually.ts';
import { Program } from '../kv-memstore/test-support/program.ts';
import { TemporaryFolder } from '../kv-memstore/test-support/temporary-folder.ts';
import { hasOpenssl } from './certificates.ts';
import { ids, makeCertificates, type NodeName, SecureNodes } from './test-support/secure-nodes.ts';

// The certificates are made by openssl; where there is none, there is nothing to run.
describe.skipIf(!(await hasOpenssl()))('with certificates that openssl has made', () => {
  test('three nodes with certificates count for clients, and go on when one of them is killed', async () => {
    await using nodes = await SecureNodes.start();

    for (const id of ids) await nodes.ask('add 5', id);
    await nodes.kill('a');
    expect(await nodes.ask('add 100', 'b')).toBe(115);
    await nodes.start('a', ['--form']);

    for (const id of ids) await nodes.reads(115, id);
  });

  test('a client of the command line counts, and with the certificate of a node it may not', async () => {
    await using nodes = await SecureNodes.start();
    const node = `b=${nodes.addressOf('b')}`;
    const client = (...args: readonly string[]): Program =>
      new Program('../tls-cluster/client.ts', [
        ...['--certificates', nodes.certificates(), '--node', node],
        ...args,
      ]);

    await using adding = client('add', '5');
    await adding.ended();
    await using forbidden = client('--certificate', 'c', 'add', '5');
    await forbidden.ended();
    await using unknown = client('double');
    await unknown.ended();

    expect(adding.stdout).toBe('5\n');
    expect(forbidden.exitCode).toBe(1);
    expect(forbidden.stderr).toMatch(/a certificate of "client" may count; this is one of "c"/);
    expect(unknown.stderr).toMatch(/Wanted "read", or "add" and a whole number; got "double"/);
    await nodes.reads(5, 'b');
  });

  describe('a node is refused by the others, and refuses them, and all say what to do', () => {
    /** Node c runs with what is wrong; what it and the others are to say of it. */
    async function isRefused(nodes: SecureNodes, ofIt: RegExp, byIt: RegExp): Promise<void> {
      const told = async (names: readonly NodeName[], wanted: RegExp): Promise<void> => {
        await eventually(
          `${names.join(' or ')} says ${wanted}`,
          () => nodes.printedBy(...names),
          (printed) => wanted.test(printed),
        );
      };
      await told(['a', 'b'], new RegExp(`cannot reach c: ${ofIt.source}`));
      await told(['a', 'b'], new RegExp(`refused a caller: ${byIt.source}`));
      await told(['c'], new RegExp(`cannot reach [ab]: ${byIt.source}`));
      expect(await nodes.ask('add 10', 'a')).toBe(15);
    }

    test('if its certificate has ended, until it reads a new one', async () => {
      await using nodes = await SecureNodes.start();
      await nodes.ask('add 5', 'c');
      await nodes.kill('c');
      await nodes.makeCertificates('c', '--expired');
      await nodes.start('c');

      const refusedByServer = /.*its certificate is not believed: CERT_HAS_EXPIRED; renew it/;
      await isRefused(nodes, /.*certificate has expired; renew it/, refusedByServer);
      await expect(nodes.ask('read', 'c')).rejects.toThrow(/certificate has expired; renew it/);
      await nodes.makeCertificates('c');
      await nodes.renew(['c'], /shows from now on c /);

      await nodes.reads(15, 'c');
      expect(await nodes.ask('add 1', 'c')).toBe(16);
    });

    test('if its certificate has the name of another one', async () => {
      await using nodes = await SecureNodes.start();
      await nodes.ask('add 5', 'c');
      await nodes.kill('c');
      await nodes.start('c', ['--certificate', 'client']);

      const says =
        /.*is not node c: its certificate says client; give node c one with its own name/;
      await isRefused(nodes, says, says);
      await nodes.kill('c');
      await nodes.start('c');

      await nodes.reads(15, 'c');
      expect(await nodes.ask('add 1', 'c')).toBe(16);
    });

    test('if its certificate was signed by somebody else', async () => {
      await using nodes = await SecureNodes.start();
      await nodes.ask('add 5', 'c');
      await nodes.kill('c');
      // It believes the others; the others do not believe it.
      const strange = nodes.certificates('strange');
      await makeCertificates(strange, 'c');
      await cp(path.join(nodes.certificates(), 'ca.pem'), path.join(strange, 'ca.pem'));
      await nodes.start('c', ['--certificates', strange]);

      const says = /.*; have it signed by an authority in the `ca` of who refuses it/;
      await isRefused(nodes, says, says);
      await nodes.kill('c');
      await nodes.start('c');

      await nodes.reads(15, 'c');
      expect(await nodes.ask('add 1', 'c')).toBe(16);
    });
  });

  test('certificates and their authority are renewed while nodes count, and the old ones are worth nothing', async () => {
    await using nodes = await SecureNodes.start();
    const client = nodes.client();
    const old = nodes.client();
    const before = await Promise.all(ids.map((id) => shownBy(nodes.addressOf(id))));
    let added = 0;
    const end = new AbortController();
    const counting = (async () => {
      while (!end.signal.aborted) {
        await nodes.ask('add 1', ids[added % 3] ?? 'a', client);
        added += 1;
      }
    })();
    counting.catch(() => undefined);

    await nodes.makeCertificates('--new-authority');
    client.renew();
    await nodes.renew(ids, /shows from now on .*, 2 believed/);
    await nodes.makeCertificates(...ids, 'client');
    client.renew();
    await nodes.renew(ids, /shows from now on .*, 2 believed/);
    await nodes.makeCertificates('--forget-old-authorities');
    client.renew();
    await nodes.renew(ids, /shows from now on .*, 1 believed/);
    const enough = added + 10;
    await eventually(
      'some more were added',
      () => added,
      (count) => count >= enough,
    );
    end.abort();
    await counting;

    const after = await Promise.all(ids.map((id) => shownBy(nodes.addressOf(id))));
    for (const [at, fingerprint] of after.entries()) expect(fingerprint).not.toBe(before[at]);
    await expect(nodes.ask('read', 'b', old)).rejects.toThrow(/have it signed by/);
    // Connections that were there before still are; those of a node that starts again are all new.
    await nodes.kill('b');
    await nodes.start('b');
    await nodes.knowsLeader('b');
    expect(await nodes.ask('add 1', 'b')).toBe(added + 1);
  });

  test('certificates that cannot be used change nothing in a node that runs', async () => {
    await using nodes = await SecureNodes.start();
    await writeFile(path.join(nodes.certificates(), 'b.pem'), 'no certificate\n');

    await nodes.renew(['b'], /goes on with the certificates that it has\. The certificate of b in/);

    expect(await nodes.ask('add 1', 'b')).toBe(1);
  });
});

test('a node without a certificate says so and does not start', async () => {
  await using folder = await TemporaryFolder.make();
  await using program = new Program('../tls-cluster/main.ts', [
    ...['--id', 'a', '--members', 'a=127.0.0.1:1'],
    ...['--certificates', folder.path, '--data', path.join(folder.path, 'data')],
  ]);

  await program.ended();

  expect(program.exitCode).toBe(1);
  expect(program.stderr).toMatch(/Node a did not start: The certificate of a in .* ENOENT/);
  expect(program.stderr).toMatch(/make-certificates\.ts makes such files/);
});

test('a certificate for a name that cannot be one is not made', async () => {
  await using folder = await TemporaryFolder.make();

  const made = makeCertificates(folder.path, 'Node A');

  await expect(made).rejects.toThrow(/A name wants small letters.*got "Node A"/);
});

/** The fingerprint of the certificate that is shown at this address. */
async function shownBy(address: string): Promise<string> {
  const [host, port] = address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await new Promise((resolve) => void socket.once('secureConnect', resolve));
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}
