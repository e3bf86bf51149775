import { within } from '../server/cli/database.ts'
import { openTemporary } from '../tests/db/embedded/temporary.ts'

export interface Cluster {
  version: string
  /** Makes an empty database. @returns its URL, as the superuser */
  database: (name: string) => Promise<string>
  stop: () => Promise<void>
}

/** A durable PostgreSQL of the benchmark's own: fsync and synchronous_commit stay on, as a server comes. */
export async function openCluster(): Promise<Cluster> {
  const { adminUrl, version, stop } = await openTemporary('bench')
  return {
    version,
    stop,
    async database(name) {
      await within(adminUrl, client => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`))
      return Object.assign(new URL(adminUrl), { pathname: name }).href
    },
  }
}
