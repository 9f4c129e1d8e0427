/** The port of host:port; `undefined` where there is none. */
export function portOf(address: string | undefined): number | undefined {
  const port = /:(\d{1,5})$/.exec(address ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}
