// One node of the cluster, as a program.

import process from 'node:process';
import { parseArgs } from 'node:util';
import { type ExampleNode, type NodeOptions, startNode } from './node.ts';

const usage = `One node of a cluster that counts, with mutual TLS.

  node --conditions=quorate-source examples/tls-cluster/main.ts --id a --members ALL \\
    --certificates FOLDER --data FOLDER [--form]

  --id NAME              the node; its certificate must have the same name
  --members ALL          all nodes: a=127.0.0.1:22001,b=127.0.0.1:22002,c=127.0.0.1:22003
  --certificates FOLDER  where ca.pem, NAME.pem and NAME-key.pem are (see make-certificates.ts)
  --certificate NAME     shows the certificate of somebody else, to see what becomes of it
  --data FOLDER          where the node keeps its log
  --form                 makes the members a cluster, if they are none yet: on one node
  --help                 shows this

On SIGHUP it reads its certificates anew.`;

let form = false;
const options = readOptions();
if (options !== undefined) await run(options);

async function run(given: Omit<NodeOptions, 'say'>): Promise<void> {
  const { id, members } = given;
  const say = (line: string): void => console.log(`${id}: ${line}`);
  let node: ExampleNode;
  try {
    node = await startNode({ ...given, say });
  } catch (error) {
    console.error(`Node ${id} did not start: ${textOf(error)}`);
    process.exitCode = 1;
    return;
  }
  process.on('SIGHUP', () => renew(node, say));
  const end = (): void => void node.close().then(() => process.exit(0));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  say(`listens on ${members[id]} as ${node.tls.description}; kill -HUP ${process.pid} renews`);
  if (form && node.raft.metrics.last.index === 0) {
    const nodes = Object.entries(members).map(([name, address]) => [name, { address }] as const);
    await node.raft.initialize(Object.fromEntries(nodes));
  }
}

function renew(node: ExampleNode, say: (line: string) => void): void {
  try {
    node.renewCertificates();
    say(`shows from now on ${node.tls.description}`);
  } catch (error) {
    say(`goes on with the certificates that it has. ${textOf(error)}`);
  }
}

function readOptions(): Omit<NodeOptions, 'say'> | undefined {
  try {
    const { values } = parseArgs({
      options: {
        id: { type: 'string' },
        members: { type: 'string' },
        certificates: { type: 'string' },
        certificate: { type: 'string' },
        data: { type: 'string' },
        form: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      return undefined;
    }
    form = values.form;
    const { id, members, certificates, data } = values;
    if (!id || !members || !certificates || !data) {
      throw new RangeError('--id, --members, --certificates and --data are wanted.');
    }
    const { certificate = id } = values;
    return { id, members: readMembers(members), certificates, certificate, data };
  } catch (error) {
    console.error(`${textOf(error)} Try --help.`);
    process.exitCode = 2;
    return undefined;
  }
}

function readMembers(text: string): Readonly<Record<string, string>> {
  const parts = text.split(',').map((part) => {
    const [, name, address] = /^([^=]+)=(.+)$/.exec(part) ?? [];
    if (name !== undefined && address !== undefined) return [name, address] as const;
    throw new RangeError(`--members wants NAME=HOST:PORT,...; got "${part}".`);
  });
  return Object.fromEntries(parts);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
