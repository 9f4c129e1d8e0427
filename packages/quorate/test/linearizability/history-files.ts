import { readFileSync } from 'node:fs';
import path from 'node:path';
import { HistoryRecorder, type OpenCall } from '../../src/testing/linearizability/history.ts';
import type {
  KeyValueInput,
  KeyValueOperation,
  KeyValueOutput,
} from '../../src/testing/linearizability/key-value-model.ts';
import type {
  RegisterInput,
  RegisterOperation,
  RegisterOutput,
} from '../../src/testing/linearizability/register-model.ts';

// The recorded histories of test/linearizability/histories; the page there tells what they are.

const folder = path.join(import.meta.dirname, 'histories');

export type LabelledFile = {
  readonly name: string;
  readonly model: 'register' | 'kv';
  readonly isLinearizable: boolean;
};

/** All files, with the verdict that they must get. */
export function labelledFiles(): readonly LabelledFile[] {
  const rows = readText('verdicts.csv').trim().split('\n');
  return rows.map((row) => {
    const [name = '', model, verdict] = row.trim().split(',');
    if (model !== 'register' && model !== 'kv') throw new Error(`Unknown model in "${row}".`);
    return { name, model, isLinearizable: verdict === 'true' };
  });
}

/** `INFO  jepsen.util - 3 :ok :cas [3 0]`; a read gives `nil` where nothing was written. */
export function readRegisterHistory(name: string): readonly RegisterOperation<number>[] {
  const recorder = new HistoryRecorder<RegisterInput<number>, RegisterOutput<number>>();
  const open = new Map<string, OpenCall<RegisterOutput<number>>>();
  for (const line of readText(name).trim().split('\n')) {
    const fields = /^INFO\s+jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.+)$/.exec(line.trimEnd());
    if (fields === null) throw new Error(`${name} has an unknown line: ${line}`);
    const [, client = '', type = '', method = '', value = ''] = fields;
    if (type === 'invoke') {
      open.set(client, recorder.call(Number(client), registerInput(method, value)));
      continue;
    }
    const call = open.get(client);
    if (call === undefined) throw new Error(`${name} has a return without a call: ${line}`);
    open.delete(client);
    if (type === 'ok') call.returned(registerOutput(method, value));
    else if (type === 'fail' && method === 'cas') call.returned(false);
    else if (type === 'fail') call.failed();
    else if (type !== 'info') throw new Error(`${name} has an unknown line: ${line}`);
  }
  return recorder.history;
}

function registerInput(method: string, value: string): RegisterInput<number> {
  if (method === 'read') return { type: 'read' };
  if (method === 'write') return { type: 'write', value: Number(value) };
  const [expected = '', next = ''] = value.slice(1, -1).split(' ');
  return { type: 'compareAndSet', expected: Number(expected), value: Number(next) };
}

function registerOutput(method: string, value: string): RegisterOutput<number> {
  if (method === 'cas') return true;
  if (method === 'write' || value === 'nil') return undefined;
  return Number(value);
}

/** `{:process 0, :type :ok, :f :append, :key "0", :value "x 0 0 y"}` */
export function readKeyValueHistory(name: string): readonly KeyValueOperation[] {
  const recorder = new HistoryRecorder<KeyValueInput, KeyValueOutput>();
  const open = new Map<string, OpenCall<KeyValueOutput>>();
  const form = /^\{:process (\d+), :type :(\w+), :f :(\w+), :key "(\w+)", :value (.+)\}$/;
  for (const line of readText(name).trim().split('\n')) {
    const fields = form.exec(line.trimEnd());
    if (fields === null) throw new Error(`${name} has an unknown line: ${line}`);
    const [, client = '', type = '', method = '', key = '', value = ''] = fields;
    const text = value === 'nil' ? '' : (JSON.parse(value) as string);
    if (type === 'invoke') {
      open.set(client, recorder.call(Number(client), keyValueInput(method, key, text)));
    } else {
      open.get(client)?.returned(method === 'get' ? text : undefined);
    }
  }
  return recorder.history;
}

function keyValueInput(method: string, key: string, value: string): KeyValueInput {
  if (method === 'get') return { type: 'get', key };
  if (method === 'put' || method === 'append') return { type: method, key, value };
  throw new Error(`Unknown operation ${method}.`);
}

function readText(name: string): string {
  return readFileSync(path.join(folder, name), 'utf8');
}
