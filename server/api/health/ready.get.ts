import { z } from 'zod'
import { readReadiness } from '~~/server/db/queries/ready.ts'

/** The database answers and has the views that the pages need. */
export default defineRead(z.strictObject({}), readReadiness)
