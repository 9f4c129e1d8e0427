export { KvClient, type KvClientOptions } from './client/client.ts';
export * from './client/names.ts';
