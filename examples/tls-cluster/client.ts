// Counts, as a program: with a certificate of its own, over TLS, by way of any node.

import { parseArgs } from 'node:util';
import { askCounter } from './ask-counter.ts';
import { TlsFiles } from './tls-files.ts';

const usage = `Adds to the counter of the example cluster, or reads it, and prints the total.

  node --conditions=quorate-source examples/tls-cluster/client.ts --certificates FOLDER \\
    --node b=127.0.0.1:22002 add 5

  --certificates FOLDER  where ca.pem, client.pem and client-key.pem are
  --certificate NAME     shows the certificate of somebody else
  --node NAME=HOST:PORT  whom to ask; it must show a certificate of that name
  add N, read            what to ask for
  --help                 shows this`;

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      certificates: { type: 'string' },
      certificate: { type: 'string', default: 'client' },
      node: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const { certificates, certificate, node = '' } = values;
  const [, name, address] = /^([^=]+)=(.+)$/.exec(node) ?? [];
  if (certificates === undefined || name === undefined || address === undefined) {
    throw new RangeError('--certificates FOLDER and --node NAME=HOST:PORT are wanted. Try --help.');
  }
  const files = new TlsFiles(certificates, certificate);
  console.log(await askCounter(positionals.join(' '), { name, address }, files));
}
