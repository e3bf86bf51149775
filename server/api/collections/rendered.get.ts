import { collectionRenderedQuery } from '~~/shared/read-models/collection-rendered.ts'
import { readDefinitions, readPieceTexts } from '~~/server/db/queries/pieces.ts'
import { labelsIn } from '~~/server/utils/markdown/parse.ts'
import { renderWindow } from '~~/server/utils/markdown/window.ts'

export default defineRead(collectionRenderedQuery, async (db, { view, ...query }) => {
  const { rows, ...page } = await readPieceTexts(db, query)
  const labels = [...labelsIn(rows.map(({ body }) => body).join('\n'))]
  return { ...page, rows: renderWindow(rows, view === 'source', view === 'source' ? [] : await readDefinitions(db, query.address, labels)) }
})
