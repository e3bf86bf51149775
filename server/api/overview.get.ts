import { overviewQuery } from '~~/shared/read-models/overview.ts'
import { readOverview } from '~~/server/db/queries/health.ts'

export default defineRead(overviewQuery, readOverview)
