import { shellQuery } from '~~/shared/read-models/shell.ts'
import { readShell } from '~~/server/db/queries/health.ts'

export default defineRead(shellQuery, readShell)
