// Loaded into a member before its program: what it dials goes through the links of the chaos. The
// member itself is as it always is, and knows the addresses at which the others really listen.

import { Socket } from 'node:net';

/** Port of a member to port of the link to it, as JSON. */
const told: unknown = JSON.parse(process.env['QUORATE_CHAOS_ROUTES'] ?? '{}');
const routes = new Map(Object.entries(told as Readonly<Record<string, number>>));

type Connect = (this: Socket, ...args: unknown[]) => Socket;

/* `net.connect` calls the method with a list, in which the options come first. */
const connect = Socket.prototype.connect as Connect;
const connectByLink: Connect = function connectByLink(this: Socket, first, ...others) {
  if (Array.isArray(first)) first[0] = routed(first[0]);
  return connect.call(this, Array.isArray(first) ? first : routed(first), ...others);
};
Socket.prototype.connect = connectByLink;

function routed(options: unknown): unknown {
  if (typeof options !== 'object' || options === null || !('port' in options)) return options;
  const port = routes.get(String(options.port));
  return port === undefined ? options : { ...options, port };
}
