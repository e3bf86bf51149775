import { collectionRenderedQuery } from '~~/shared/read-models/collection-rendered.ts'
import { readPieceTexts } from '~~/server/db/queries/pieces.ts'
import { renderWindow } from '~~/server/utils/markdown/window.ts'

export default defineRead(collectionRenderedQuery, async (db, { view, ...query }) => {
  const { rows, ...page } = await readPieceTexts(db, query)
  return { ...page, rows: renderWindow(rows, view === 'source') }
})
