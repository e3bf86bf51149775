import { collectionPieceQuery } from '~~/shared/read-models/collection-piece.ts'
import { readPiece } from '~~/server/db/queries/pieces.ts'

export default defineRead(collectionPieceQuery, (db, { address, unit }) => readPiece(db, address, Number(unit)))
