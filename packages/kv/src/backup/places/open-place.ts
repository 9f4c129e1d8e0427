import { DirectoryPlace } from './directory.ts';
import type { BackupPlace } from './place.ts';
import type { S3Options } from './s3.ts';

/** Where backups are to be: a folder, or a bucket. */
export type PlaceOptions =
  | { readonly directory: string; readonly s3?: undefined }
  | { readonly directory?: undefined; readonly s3: S3Options };

/** What a bucket needs is loaded only for one. */
export async function openPlace(options: PlaceOptions): Promise<BackupPlace> {
  if (options.directory !== undefined) return new DirectoryPlace(options.directory);
  const { S3Place } = await import('./s3.ts');
  return S3Place.open(options.s3);
}
