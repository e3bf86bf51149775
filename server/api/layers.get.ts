import { layersQuery } from '~~/shared/read-models/layers.ts'
import { readLayers } from '~~/server/db/queries/layers.ts'

export default defineRead(layersQuery, readLayers, 'READ COMMITTED')
