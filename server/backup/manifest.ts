import { readTar, type Contents } from './tar.ts'

/** How the data in a backup are written: by pg_dump -Fc, or table by table as COPY has them. */
export type Kind = 'pg_dump' | 'copy'

/** What a backup says of itself. */
export interface Manifest {
  format: 'iu-backup'
  version: 1
  kind: Kind
  /** the newest unit of the schema in it */
  tag: string
  units: { tag: string, hash: string }[]
  server: string
  /** of its snapshot, ISO 8601 */
  takenAt: string
  entries: number
  /** of each table */
  rows: Record<string, number>
  lastEvent: number
  lastRun: number
}

/** A backup's file, of which every byte was read. */
export interface Backup extends Contents {
  path: string
  of: Manifest
}

/** Why a backup was not made, or is not restored; in words for a person. */
export class BackupRefused extends Error {}

/** Reads a backup. @throws {BackupRefused} when it is none, or not as it was written. */
export async function readBackup(path: string): Promise<Backup> {
  const contents = await readTar(path).catch((error: Error) => {
    throw new BackupRefused(`${path}: ${error.message}`)
  })
  if (!contents) throw new BackupRefused(`${path}: is damaged, or no backup: its SHA-256 is not the one that it was sealed with`)
  const of = JSON.parse(contents.manifest.toString()) as Manifest
  if (of.format !== 'iu-backup' || of.version !== 1) throw new BackupRefused(`${path}: is of a format (${of.format} ${of.version}) that this version does not read`)
  return { ...contents, path, of }
}

/** Rows in all tables of a backup. */
export const rowsIn = ({ rows }: Manifest): number => Object.values(rows).reduce((sum, count) => sum + count, 0)
