// Nothing here, or in what it imports, knows Node: it runs in browsers as well.
export { HttpKvClient, type HttpKvClientOptions } from './client/http-client.ts';
export * from './client/names.ts';
