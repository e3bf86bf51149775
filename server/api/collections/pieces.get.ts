import { collectionPiecesQuery } from '~~/shared/read-models/collection-pieces.ts'
import { readPieces } from '~~/server/db/queries/pieces.ts'

export default defineRead(collectionPiecesQuery, readPieces)
