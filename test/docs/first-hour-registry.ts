import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

import { projectRoot } from '../../tools/project.ts';
import { runProgram } from '../../tools/run-program.ts';
import { stageDependent, stagePackage } from '../../tools/stage-package.ts';

const packTimeoutMs = 60_000;

/** What `npm pack --json` says of one package. */
interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly shasum: string;
  readonly integrity: string;
}

interface Package extends Packed {
  readonly manifest: Manifest;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * A registry of this machine that has the packages as they would be published, and whatever they
 * depend on, so that `npm install -g @quorate/kv` can be tried before anything is published and
 * without a network.
 */
export class LocalRegistry implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  /** Compiles and packs into `folder`. */
  static async start(folder: string): Promise<LocalRegistry> {
    const library = path.join(folder, 'quorate');
    const kv = path.join(folder, 'kv');
    demandCompiled(await stagePackage(library));
    demandCompiled(await stageDependent('kv', kv, library));
    const others = await dependenciesOf(path.join(projectRoot, 'packages', 'kv'));
    const tarballs = path.join(folder, 'tarballs');
    await mkdir(tarballs);
    const documents = documentsOf(await pack([library, kv, ...others], tarballs));
    const server = createServer((request, response) => {
      const asked = decodeURIComponent(
        new URL(request.url ?? '/', 'http://here').pathname.slice(1),
      );
      if (asked.endsWith('.tgz'))
        return sendFile(path.join(tarballs, path.basename(asked)), response);
      const document = documents.get(asked);
      response.writeHead(document === undefined ? 404 : 200, {
        'content-type': 'application/json',
      });
      response.end(JSON.stringify(document?.(`http://${request.headers.host}/`) ?? {}));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new LocalRegistry(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

function demandCompiled(complaints: string | undefined): void {
  if (complaints !== undefined) throw new Error(`The packages do not compile:\n${complaints}`);
}

function sendFile(file: string, response: ServerResponse): void {
  const content = createReadStream(file);
  content.on('error', () => response.writeHead(404).end());
  content.pipe(response);
}

/** The folders of all that a package depends on but the library, as they are installed here. */
async function dependenciesOf(folder: string): Promise<readonly string[]> {
  const found = new Set<string>();
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { dependencies = {} } = await manifestOf(next);
    for (const name of Object.keys(dependencies)) {
      if (name === 'quorate') continue;
      const installed = await installedFolder(name, next);
      if (found.has(installed)) continue;
      found.add(installed);
      open.push(installed);
    }
  }
  return [...found];
}

/** Looks for a package where Node does: beside whoever needs it, and then further up. */
async function installedFolder(name: string, from: string): Promise<string> {
  for (let folder = from; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'node_modules', name);
    const isThere = await manifestOf(candidate).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  throw new Error(`${name}, which ${from} depends on, is not installed; run npm install.`);
}

/** Makes a tarball of each folder, and says what is in it. */
async function pack(folders: readonly string[], to: string): Promise<readonly Package[]> {
  const options = ['--json', '--ignore-scripts', '--pack-destination', to];
  const { exitCode, output } = await runProgram('npm', ['pack', ...options, ...folders], {
    cwd: to,
    timeoutMs: packTimeoutMs,
    capture: true,
    env: { ...process.env, npm_config_loglevel: 'silent', npm_config_update_notifier: 'false' },
  });
  if (exitCode !== 0) throw new Error(`npm pack failed:\n${output}`);
  const packed = JSON.parse(output) as readonly Packed[];
  return Promise.all(
    packed.map(async (one, at) => ({ ...one, manifest: await manifestOf(folders[at] ?? '') })),
  );
}

/** What the registry answers for a name, as of its own address. */
type Document = (url: string) => object;

function documentsOf(packages: readonly Package[]): ReadonlyMap<string, Document> {
  return new Map(
    packages.map(({ name }) => [
      name,
      (url) => {
        const versions = packages.filter((one) => one.name === name);
        return {
          name,
          'dist-tags': { latest: versions[0]?.version },
          versions: Object.fromEntries(
            versions.map(({ version, manifest, filename, shasum, integrity }) => [
              version,
              { ...manifest, dist: { tarball: `${url}${filename}`, shasum, integrity } },
            ]),
          ),
        };
      },
    ]),
  );
}

async function manifestOf(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as Manifest;
}
