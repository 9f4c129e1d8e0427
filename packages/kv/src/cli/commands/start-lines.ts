/* Lines that are printed to be typed: how members are started. */

export interface Start {
  readonly name: string;
  /** Its folder. */
  readonly data: string;
  readonly listen: string;
  /** Where it answers HTTP; `undefined`: where it does by default. */
  readonly http?: string | undefined;
  /** Members of the cluster that it joins. */
  readonly join?: readonly string[];
}

/** The line by which a member is started. */
export function startLine({ name, data, listen, http, join }: Start): string {
  const words = ['quorate', 'serve', '--name', name, '--data', data, '--listen', listen];
  if (http !== undefined) words.push('--http', http);
  if (join !== undefined) words.push('--join', join.join(','));
  return words.map(shellWord).join(' ');
}

/** One word of a line for a shell, quoted only if it has to be. */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const firstHttpPort = 8001;

/**
 * Where members answer HTTP that are started on one machine, where only one of them could do so at
 * the usual port. Who is alone at its host is not in the answer.
 */
export function httpOfNeighbours(
  addresses: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const hosts = Object.values(addresses).map(hostOf);
  const taken = new Set(Object.values(addresses).map(portOf));
  const found: Record<string, string> = {};
  let port = firstHttpPort;
  for (const [name, address] of Object.entries(addresses)) {
    if (hosts.filter((host) => host === hostOf(address)).length < 2) continue;
    while (taken.has(port)) port += 1;
    found[name] = `127.0.0.1:${port}`;
    port += 1;
  }
  return found;
}

/** One more member beside those that are there, of which `http` are URLs. */
export function httpOfNewcomer(
  address: string,
  members: readonly { readonly address: string; readonly http: string | undefined }[],
): string | undefined {
  const beside = members.filter((one) => hostOf(one.address) === hostOf(address));
  const known = beside.flatMap(({ http }) => (http === undefined ? [] : [httpAddressOf(http)]));
  const [first] = known;
  if (first === undefined) return undefined;
  const taken = new Set([...members.map((one) => one.address), address, ...known].map(portOf));
  let port = Math.max(...known.map(portOf)) + 1;
  while (taken.has(port)) port += 1;
  return `${hostOf(first)}:${port}`;
}

/** `http://127.0.0.1:8001` as `127.0.0.1:8001`, which is how it is typed. */
export function httpAddressOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}
