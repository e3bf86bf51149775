import type { Right } from '../commands/contract.ts'

/** The parts of OpenAPI 3.1 that our document uses. Types only: the page that shows it needs no more. */
export interface Schema {
  $ref?: string
  title?: string
  description?: string
  type?: string | string[]
  format?: string
  enum?: unknown[]
  const?: unknown
  default?: unknown
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
  items?: Schema
  oneOf?: Schema[]
  anyOf?: Schema[]
}

export interface Reference { $ref: string }

export interface Parameter {
  name: string
  in: 'query' | 'header'
  required: boolean
  description?: string
  schema: Schema
  example?: string
}

export interface Response {
  description: string
  headers?: Record<string, { description: string, schema: Schema }>
  content: Record<string, { schema: Schema, example?: unknown }>
}

export interface Example { summary: string, value: Record<string, unknown> }

export interface RequestBody {
  required: true
  content: { 'application/json': { schema: Schema, examples: Record<string, Example> } }
}

export interface Operation {
  operationId: string
  tags: [string]
  summary: string
  description?: string
  parameters?: (Parameter | Reference)[]
  requestBody?: RequestBody
  responses: Record<string, Response | Reference>
  /** empty where nobody has to be signed in */
  security?: []
  /** the lowest right */
  'x-right'?: Right
  'x-tier'?: 1 | 2 | 3
  /** gates that must be open */
  'x-gates'?: readonly string[]
}

export type Method = 'get' | 'post' | 'delete'
export type PathItem = Partial<Record<Method, Operation>>

export interface Document {
  openapi: '3.1.1'
  info: { title: string, version: string, description: string }
  servers: { url: string }[]
  security: Record<string, []>[]
  tags: { name: string, description: string }[]
  paths: Record<string, PathItem>
  components: {
    schemas: Record<string, Schema>
    responses: Record<string, Response>
    parameters: Record<string, Parameter>
    securitySchemes: Record<string, Record<string, string>>
  }
}
