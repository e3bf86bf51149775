import type { z } from 'zod'
import type { READ_ROUTES } from './routes.ts'

/**
 * Every read model by name. The name is both the route (`/api/<name>`) and the cache key, and there are
 * only types here, so that no validation code reaches the browser.
 */
export type ReadModels = { [Name in keyof typeof READ_ROUTES]: z.output<(typeof READ_ROUTES)[Name]['answer']> }

export type ReadModelName = keyof ReadModels
