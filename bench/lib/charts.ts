import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Chart, type Series, svgOf } from './plot.ts';
import type { Report, Row } from './row.ts';

const imagesFolder = path.resolve(import.meta.dirname, '../../docs/images');

/** The charts of each benchmark, by the name that it reports under; others have none. */
const chartsOf: Readonly<
  Record<string, (rows: readonly Row[]) => Readonly<Record<string, Chart>>>
> = {
  'in-process': inProcess,
  cluster,
  'cluster-values': clusterValues,
  etcd,
  failover,
  'scale-log': scaleLog,
  'scale-members': scaleMembers,
  'scale-values': scaleValues,
  soak,
};

/** Draws the charts of a report into `folder`, and returns the paths of the files. */
export function drawCharts({ name, rows }: Report, folder: string = imagesFolder): string[] {
  const charts = chartsOf[name]?.(rows) ?? {};
  mkdirSync(folder, { recursive: true });
  return Object.entries(charts).map(([fileName, chart]) => {
    const file = path.join(folder, `bench-${fileName}.svg`);
    writeFileSync(file, svgOf(chart));
    return file;
  });
}

function inProcess(rows: readonly Row[]): Record<string, Chart> {
  const sizes = [...new Set(rows.map((row) => row['nodes']))];
  const some = sizes.map((nodes) => rows.filter((row) => row['nodes'] === nodes));
  const names = sizes.map((nodes) => `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`);
  return {
    'in-process': {
      ...({ title: 'Writes in one process', kind: 'lines' } as const),
      ...{ xName: 'closed-loop writers', yName: 'writes/s' },
      places: placesOf(some[0] ?? [], 'writers'),
      series: some.map((of, at) => ({ name: names[at] ?? '', values: valuesOf(of, 'writes/s') })),
    },
  };
}

function cluster(rows: readonly Row[]): Record<string, Chart> {
  const writers = { xName: 'closed-loop writers', places: placesOf(rows, 'writers') };
  return {
    'cluster-writes': {
      ...({ title: 'Durable writes, three processes', kind: 'bars' } as const),
      ...writers,
      yName: 'writes/s',
      series: columns(rows, { Quorate: 'writes/s' }),
    },
    'cluster-latency': {
      ...({ title: 'Latency, three processes', kind: 'lines', scale: 'log' } as const),
      ...writers,
      yName: 'ms',
      series: columns(rows, {
        p50: 'p50 ms',
        p99: 'p99 ms',
        'one raw write and one round trip': 'both ms',
      }),
    },
  };
}

function clusterValues(rows: readonly Row[]): Record<string, Chart> {
  return {
    'cluster-values': {
      ...({ title: 'Larger values, three processes', kind: 'bars' } as const),
      ...{ xName: 'KiB a value', yName: 'MB/s' },
      places: placesOf(rows, 'value KiB'),
      series: columns(rows, {
        'three nodes': 'MB/s',
        'one raw log': 'raw MB/s',
        'each of three raw logs': 'three raw, each MB/s',
      }),
    },
  };
}

function etcd(rows: readonly Row[]): Record<string, Chart> {
  const charts: Record<string, Chart> = {};
  for (const [operation, title] of [
    ['put', 'Puts'],
    ['get', 'Linearizable gets'],
  ] as const) {
    const some = rows.filter((row) => row['operation'] === operation);
    const clients = { xName: 'closed-loop clients', places: placesOf(some, 'clients') };
    charts[`etcd-${operation}`] = {
      ...({ title: `${title}, three servers on one machine`, kind: 'bars' } as const),
      ...clients,
      yName: `${operation}s/s`,
      series: columns(some, { etcd: 'etcd/s', Quorate: 'Quorate/s' }),
    };
    charts[`etcd-${operation}-latency`] = {
      ...({ title: `${title}: latency`, kind: 'lines', scale: 'log' } as const),
      ...clients,
      yName: 'ms',
      series: columns(some, {
        'etcd p50': 'etcd p50 ms',
        'etcd p99': 'etcd p99 ms',
        'Quorate p50': 'Quorate p50 ms',
        'Quorate p99': 'Quorate p99 ms',
      }),
    };
  }
  return charts;
}

function failover(rows: readonly Row[]): Record<string, Chart> {
  const series = rows.map((row) => ({
    name: String(row['server']),
    values: String(row['all ms']).split(' ').map(Number),
  }));
  const count = Math.max(...series.map(({ values }) => values.length));
  return {
    failover: {
      ...({ title: 'From kill -9 of the leader to the next write', kind: 'lines' } as const),
      ...{ xName: 'kills, the quickest first', yName: 'ms' },
      places: Array.from({ length: count }, (_, at) => String(at + 1)),
      series,
    },
  };
}

function scaleLog(rows: readonly Row[]): Record<string, Chart> {
  return {
    'scale-log': {
      ...({ title: 'Throughput as the log grows', kind: 'bars' } as const),
      ...{ xName: 'entries in the log', yName: 'writes/s with 64 writers' },
      places: placesOf(rows, 'entries'),
      series: columns(rows, { Quorate: 'writes/s' }),
    },
  };
}

function scaleMembers(rows: readonly Row[]): Record<string, Chart> {
  return {
    'scale-members': {
      ...({ title: 'Throughput as the members grow, all on one machine', kind: 'bars' } as const),
      ...{ xName: 'members', yName: 'writes/s with 64 writers' },
      places: placesOf(rows, 'members'),
      series: columns(rows, { Quorate: 'writes/s' }),
    },
  };
}

function scaleValues(rows: readonly Row[]): Record<string, Chart> {
  return {
    'scale-values': {
      ...({ title: 'Throughput as the values grow', kind: 'lines', scale: 'log' } as const),
      ...{ xName: 'bytes a value', yName: 'MB/s' },
      places: placesOf(rows, 'value bytes'),
      series: columns(rows, { Quorate: 'MB/s' }),
    },
  };
}

function soak(rows: readonly Row[]): Record<string, Chart> {
  const minutes = { xName: 'minutes', places: placesOf(rows, 'minute') };
  const memory = rows.map((row) => String(row['RSS MiB']).split(' ').map(Number));
  const names = ['server 1', 'server 2', 'server 3', 'clients'];
  return {
    'soak-latency': {
      ...({ title: 'Half of full load: latency', kind: 'lines', scale: 'log' } as const),
      ...minutes,
      yName: 'ms',
      series: columns(rows, { p50: 'p50 ms', p99: 'p99 ms', longest: 'max ms' }),
    },
    'soak-memory': {
      ...({ title: 'Half of full load: memory of each process', kind: 'lines' } as const),
      ...minutes,
      yName: 'MiB resident',
      series: names.map((name, at) => ({ name, values: memory.map((all) => all[at]) })),
    },
  };
}

function columns(rows: readonly Row[], names: Readonly<Record<string, string>>): Series[] {
  return Object.entries(names).map(([name, column]) => ({ name, values: valuesOf(rows, column) }));
}

function valuesOf(rows: readonly Row[], column: string): (number | undefined)[] {
  return rows.map((row) => {
    const value = row[column];
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  });
}

function placesOf(rows: readonly Row[], column: string): string[] {
  return rows.map((row) => (row[column] ?? '').toLocaleString('en'));
}
