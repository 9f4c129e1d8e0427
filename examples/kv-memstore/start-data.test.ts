import { describe, expect, test } from 'vitest';
import { describeWrongPorts, hasCluster, type StartedNode } from './start-data.ts';

/** Nodes that listen on `ports`, each with data that knows all nodes on `knownPorts`. */
function nodesOn(ports: readonly number[], knownPorts: readonly number[]): StartedNode[] {
  const addressOf = (port: number): string => `127.0.0.1:${port}`;
  const known = knownPorts.map((port, at) => [String(at + 1), addressOf(port)] as const);
  const members = Object.fromEntries(known);
  return ports.map((port, at) => ({ id: at + 1, address: addressOf(port), members }));
}

describe('data that fits', () => {
  test('there is a cluster once one node knows of it', () => {
    const fresh = nodesOn([1, 2, 3], []);
    const [first, ...others] = nodesOn([1, 2, 3], [1, 2, 3]) as [StartedNode, StartedNode];

    expect(hasCluster(fresh)).toBe(false);
    expect(hasCluster([...fresh.slice(1), first])).toBe(true);
    expect(hasCluster([first, ...others])).toBe(true);
  });

  test('no data and data of the same ports go on', () => {
    expect(describeWrongPorts(nodesOn([1, 2, 3], []))).toBeUndefined();
    expect(describeWrongPorts(nodesOn([1, 2, 3], [1, 2, 3]))).toBeUndefined();
  });

  test('nodes that joined or left by hand are nobody to compare with', () => {
    expect(describeWrongPorts(nodesOn([1, 2, 3], [1, 2, 3, 9]))).toBeUndefined();
    expect(describeWrongPorts(nodesOn([1, 2, 3], [1, 2]))).toBeUndefined();
  });
});

describe('data of other ports', () => {
  test('is refused with the ports that it was made with, and what to do', () => {
    const line = describeWrongPorts(nodesOn([22_001, 22_002, 22_003], [21_001, 21_002, 21_003]));

    expect(line).toContain('127.0.0.1:21001, 127.0.0.1:21002, 127.0.0.1:21003');
    expect(line).toContain('now they listen on ports 22001, 22002, 22003');
    expect(line).toContain('npm run memstore -- --port 21001 goes on with it');
    expect(line).toContain('--data DIR');
  });

  test('is refused where a node without data cannot know its port', () => {
    const nodes = nodesOn([1, 2, 8], [1, 2, 3]);
    const withoutLast = nodes.map((node) => (node.id === 3 ? { ...node, members: {} } : node));

    expect(describeWrongPorts(withoutLast)).toContain('no data of node 3');
    expect(describeWrongPorts(withoutLast)).toContain('delete all data to start anew');
  });

  test('is refused where a single node differs', () => {
    expect(describeWrongPorts(nodesOn([1, 2, 4], [1, 2, 3]))).toContain('--port 1 goes on');
  });

  test('that are not in a row is gone on with by --port 0', () => {
    expect(describeWrongPorts(nodesOn([1, 2, 3], [7, 5, 9]))).toContain('--port 0 goes on');
  });
});
