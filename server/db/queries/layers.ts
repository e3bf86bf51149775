import { desc } from 'drizzle-orm'
import { consoleProcess, exporter, syncLayer } from '../../../drizzle/schema/layers.ts'
import type { Layers } from '../../../shared/read-models/layers.ts'
import type { Snapshot } from '../client.ts'

/** Of consoles that died silently some may be left, and of folders that nobody forgot: more than these nobody reads. */
const MOST = 100

/** Every layer, and what runs behind two of them. Under READ COMMITTED: the layer Database holds the catalogue against what was deployed. */
export async function readLayers(db: Snapshot): Promise<Omit<Layers, 'asOf'>> {
  return {
    layers: await db.select({
      layerCode: syncLayer.layerCode, name: syncLayer.name, description: syncLayer.description, fedBy: syncLayer.fedBy, state: syncLayer.state,
      seenAt: syncLayer.seenAt, saw: syncLayer.saw, digest: syncLayer.digest, behind: syncLayer.behind, detail: syncLayer.detail,
    }).from(syncLayer).orderBy(syncLayer.layerNo),
    consoles: await db.select().from(consoleProcess).orderBy(consoleProcess.isStale, desc(consoleProcess.startedAt)).limit(MOST),
    exporters: await db.select().from(exporter).orderBy(exporter.host, exporter.folder).limit(MOST),
  }
}
