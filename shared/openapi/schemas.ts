import { z } from 'zod'
import type { Schema } from './types.ts'

/** What JSON Schema says of a zod schema, without what is true of every number, record and time. */
export function schemaOf(type: z.ZodType, io: 'input' | 'output' = 'output'): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, {
    io,
    override: ({ jsonSchema: schema }) => {
      if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum
      if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum
      if (schema.propertyNames) delete schema.propertyNames
      if (schema.format === 'date-time') delete schema.pattern
      delete schema.readOnly
    },
  })
  return schema as Schema
}

export const refTo = (kind: 'schemas' | 'responses' | 'parameters', name: string) => ({ $ref: `#/components/${kind}/${name}` })

/** `collections/head` and `dot_iu_render` as parts of a name. */
export const pascal = (text: string): string => text.split(/[^a-zA-Z0-9]+/).map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
