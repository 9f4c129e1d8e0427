import path from 'node:path';
import { eventually } from '../../kv-memstore/test-support/eventually.ts';
import { Program } from '../../kv-memstore/test-support/program.ts';
import { freePorts } from '../../kv-memstore/test-support/started-cluster.ts';
import { TemporaryFolder } from '../../kv-memstore/test-support/temporary-folder.ts';
import { askCounter } from '../ask-counter.ts';
import { TlsFiles } from '../tls-files.ts';

export const ids = ['a', 'b', 'c'] as const;
export type NodeName = (typeof ids)[number];

/** Nodes a to c as processes, each with its data, and certificates for them and a client. */
export class SecureNodes implements AsyncDisposable {
  readonly #folder: TemporaryFolder;
  readonly #firstPort: number;
  readonly #programs = new Map<string, Program>();

  private constructor(folder: TemporaryFolder, firstPort: number) {
    this.#folder = folder;
    this.#firstPort = firstPort;
  }

  /** Makes the certificates, and a cluster of all three. */
  static async start(): Promise<SecureNodes> {
    const nodes = new SecureNodes(await TemporaryFolder.make(), await freePorts());
    try {
      await nodes.makeCertificates(...ids, 'client');
      await Promise.all([nodes.start('b'), nodes.start('c'), nodes.start('a', ['--form'])]);
      await Promise.all(ids.map((id) => nodes.knowsLeader(id)));
      return nodes;
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where the certificates are; with a name, a folder beside that. */
  certificates(name = 'certificates'): string {
    return path.join(this.#folder.path, name);
  }

  makeCertificates(...args: readonly string[]): Promise<void> {
    return makeCertificates(this.certificates(), ...args);
  }

  addressOf(id: NodeName): string {
    return `127.0.0.1:${this.#firstPort + ids.indexOf(id)}`;
  }

  program(id: NodeName): Program {
    const program = this.#programs.get(id);
    if (program === undefined) throw new Error(`Node ${id} was not started.`);
    return program;
  }

  /** What the nodes have printed, all together. */
  printedBy(...names: readonly NodeName[]): string {
    return names.map((id) => this.program(id).stdout).join('');
  }

  async start(id: NodeName, others: readonly string[] = []): Promise<void> {
    const members = ids.map((one) => `${one}=${this.addressOf(one)}`).join(',');
    const program = new Program('../tls-cluster/main.ts', [
      ...['--id', id, '--members', members],
      ...['--certificates', this.certificates(), '--data', path.join(this.#folder.path, id)],
      ...others,
    ]);
    this.#programs.set(id, program);
    await program.printed(/(listens on)/);
  }

  async knowsLeader(id: NodeName): Promise<void> {
    await this.program(id).printed(/(has a leader|is leader now)/);
  }

  async kill(id: NodeName): Promise<void> {
    await this.#programs.get(id)?.[Symbol.asyncDispose]();
  }

  /** Has these nodes read their certificates anew, and waits until they say what they have read. */
  async renew(names: readonly NodeName[], wanted: RegExp): Promise<void> {
    for (const id of names) {
      const program = this.program(id);
      const already = program.stdout.length;
      program.kill('SIGHUP');
      await eventually(
        `${id} has read its certificates anew`,
        () => program.stdout.slice(already),
        (printed) => wanted.test(printed),
      );
    }
  }

  /** Asks a node as a client, by default with the certificate that is there for one now. */
  ask(request: string, id: NodeName, files = this.client()): Promise<number> {
    return askCounter(request, { name: id, address: this.addressOf(id) }, files);
  }

  /** Reads at a node until the total is this: for a moment it may know no leader. */
  async reads(total: number, id: NodeName): Promise<void> {
    await eventually(
      `${id} reads ${total}`,
      () => this.ask('read', id),
      (read) => read === total,
    );
  }

  client(): TlsFiles {
    return new TlsFiles(this.certificates(), 'client');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#programs.values()) await program[Symbol.asyncDispose]();
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Runs the program, as a reader would by hand. */
export async function makeCertificates(...args: readonly string[]): Promise<void> {
  await using program = new Program('../tls-cluster/make-certificates.ts', args);
  await program.ended();
  if (program.exitCode !== 0) throw new Error(program.stderr);
}
