import { backupsQuery } from '~~/shared/read-models/backups.ts'
import { readBackups } from '~~/server/db/queries/backups.ts'

export default defineRead(backupsQuery, readBackups)
