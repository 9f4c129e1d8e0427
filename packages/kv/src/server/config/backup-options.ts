import {
  bytes,
  count,
  filePath,
  oneOf,
  orUnlimited,
  type ReadValue,
  span,
  text,
  url,
  yesOrNo,
} from './values.ts';

/** As every option of `options.ts`. */
interface BackupOption {
  readonly name: string;
  readonly read: ReadValue;
  readonly flag?: { readonly name: string; readonly value: string };
  readonly default: string;
  readonly means: string;
}

/** Where backups go, and how often. */
export const backupOptions: readonly BackupOption[] = [
  {
    name: 'backup.every',
    read: span,
    flag: { name: 'backup-every', value: 'DURATION' },
    default: 'none: no backups',
    means: 'How often a backup is made, as 1h.',
  },
  {
    name: 'backup.keep',
    read: count(1),
    flag: { name: 'backup-keep', value: 'COUNT' },
    default: '24',
    means: 'How many are kept; older ones go once a new one was verified.',
  },
  {
    name: 'backup.dir',
    read: filePath,
    flag: { name: 'backup-dir', value: 'DIR' },
    default: 'none',
    means: 'A folder for them; not on the disk of `data`, if there is another one.',
  },
  {
    name: 'backup.by',
    read: oneOf('each', 'leader'),
    default: 'each',
    means: 'Whether this member makes its own, or only while it leads, in a place that all share.',
  },
  {
    name: 'backup.bytesPerSecond',
    read: orUnlimited(bytes(1)),
    default: '32 MiB',
    means: 'How fast a backup is made, so that it is in nobody’s way.',
  },
  {
    name: 'backup.s3.bucket',
    read: text,
    default: 'none',
    means: 'A bucket of S3 for them, instead of a folder.',
  },
  {
    name: 'backup.s3.prefix',
    read: text,
    default: 'none',
    means: 'What their keys in the bucket begin with, as quorate/.',
  },
  {
    name: 'backup.s3.endpoint',
    read: url,
    default: 'none: that of AWS',
    means: 'Something else that speaks S3.',
  },
  {
    name: 'backup.s3.region',
    read: text,
    default: 'none: `AWS_REGION` says it',
    means: 'The region of the bucket.',
  },
  {
    name: 'backup.s3.forcePathStyle',
    read: yesOrNo,
    default: 'false',
    means: 'The bucket stands in the path and not in the host, as most others than AWS want it.',
  },
];
