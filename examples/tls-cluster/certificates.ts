import { execFile } from 'node:child_process';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const runFile = promisify(execFile);
const dayMs = 86_400_000;
const authorityDays = 3650;
/** A certificate holds a little before it was made: clocks differ. */
const marginMs = 5 * 60_000;

/** All that these certificates are made of: what openssl is set up for here is not read. */
const config = `
[req]
distinguished_name = none
x509_extensions = of_authority
[none]
[of_authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[ca]
default_ca = authority
[authority]
database = issued.txt
serial = serial.txt
new_certs_dir = .
default_md = sha256
policy = names
x509_extensions = of_node
[names]
commonName = supplied
[of_node]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = DNS:$ENV::NODE_NAME
`;
const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'.split(' ');

/**
 * Makes an authority, which signs from now on. It is believed beside those that `ca.pem` had:
 *
 *     ca.pem                            who is believed; every node and every client has it
 *     authority.pem, authority-key.pem  who signs; nobody needs these two who signs nothing
 *
 * @throws {Error} if there is no openssl, or with what it says.
 */
export async function makeAuthority(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // A name of its own: who knows two of the same name cannot tell whose signature to look at.
  const subject = `/CN=authority of ${new Date().toISOString()}`;
  await withWorkshop(folder, async (workshop) => {
    const made = ['-keyout', 'key.pem', '-out', 'cert.pem'];
    await openssl(
      ['req', '-x509', ...newKey, '-days', `${authorityDays}`, '-subj', subject, ...made],
      { workshop, name: 'authority' },
    );
    await moveOut(workshop, folder, 'authority');
  });
  await appendFile(path.join(folder, 'ca.pem'), await newestAuthority(folder));
}

export async function hasOpenssl(): Promise<boolean> {
  return runFile('openssl', ['version']).then(
    () => true,
    () => false,
  );
}

/** From now on only the newest authority is to be believed. */
export async function forgetOldAuthorities(folder: string): Promise<void> {
  await writeFile(path.join(folder, 'ca.pem'), await newestAuthority(folder));
}

/**
 * Makes `NAME.pem` and `NAME-key.pem`, signed by the authority, in place of those that were there.
 * `days` from now it ends; with a number below 0 it has ended already, which is for trying out.
 *
 * @throws {Error} if there is no openssl, or with what it says.
 */
export async function issue(
  folder: string,
  name: string,
  { days }: { readonly days: number },
): Promise<void> {
  const end = Date.now() + days * dayMs;
  const begin = Math.min(Date.now() - marginMs, end - dayMs);
  const authority = (file: string): string => path.resolve(folder, file);
  await withWorkshop(folder, async (workshop) => {
    const inside = { workshop, name };
    const request = ['-subj', `/CN=${name}`, '-keyout', 'key.pem', '-out', 'request.pem'];
    await openssl(['req', ...newKey, ...request], inside);
    await writeFile(path.join(workshop, 'issued.txt'), '');
    const signer = [
      '-cert',
      authority('authority.pem'),
      '-keyfile',
      authority('authority-key.pem'),
    ];
    const time = ['-startdate', opensslDate(begin), '-enddate', opensslDate(end)];
    const files = ['-in', 'request.pem', '-out', 'cert.pem'];
    const quiet = ['-batch', '-notext', '-create_serial'];
    await openssl(['ca', ...quiet, ...signer, ...time, ...files], inside);
    await moveOut(workshop, folder, name);
  });
}

function newestAuthority(folder: string): Promise<string> {
  return readFile(path.join(folder, 'authority.pem'), 'utf8');
}

/** A folder for what is only needed meanwhile. */
async function withWorkshop(
  folder: string,
  work: (workshop: string) => Promise<void>,
): Promise<void> {
  const workshop = await mkdtemp(path.join(folder, '.making-'));
  try {
    await writeFile(path.join(workshop, 'openssl.cnf'), config);
    await work(workshop);
  } finally {
    await rm(workshop, { recursive: true });
  }
}

async function moveOut(workshop: string, folder: string, name: string): Promise<void> {
  await chmod(path.join(workshop, 'key.pem'), 0o600);
  await rename(path.join(workshop, 'key.pem'), path.join(folder, `${name}-key.pem`));
  await rename(path.join(workshop, 'cert.pem'), path.join(folder, `${name}.pem`));
}

async function openssl(
  args: readonly string[],
  { workshop, name }: { readonly workshop: string; readonly name: string },
): Promise<void> {
  const [command = '', ...others] = args;
  try {
    await runFile('openssl', [command, '-config', 'openssl.cnf', ...others], {
      cwd: workshop,
      env: { ...process.env, NODE_NAME: name },
    });
  } catch (cause) {
    const { code, stderr } = cause as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') {
      const message = 'There is no program openssl here. Install it: apt-get install openssl.';
      throw new Error(message, { cause });
    }
    throw new Error(`openssl ${command} failed: ${String(stderr).trim()}`, { cause });
  }
}

/** Two digits for the year, as certificates have it until 2049. */
function opensslDate(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replaceAll(/[-:T]|\.\d+/g, '')
    .slice(2);
}
