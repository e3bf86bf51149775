import { customType, pgSchema } from 'drizzle-orm/pg-core'

export const iuCore = pgSchema('iu_core')

/** A timestamp as ISO 8601 in UTC: what JSON carries and the pages show. */
export const instant = customType<{ data: string, driverData: string }>({
  dataType: () => 'timestamp with time zone',
  fromDriver: value => new Date(value).toISOString(),
})
