import { conformanceQuery } from '~~/shared/read-models/conformance.ts'
import { readConformance } from '~~/server/db/queries/conformance.ts'

export default defineRead(conformanceQuery, readConformance, 'READ COMMITTED')
