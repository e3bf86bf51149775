import type { Client } from 'pg'
import { carry } from '../commands/carry.ts'
import { enterLogin } from '../db/functions/principals.ts'

/** An application's own event types and routes, as an administrator registers them. */
export const EVENT_TYPES = {
  'shop.order_placed': {
    description: 'a customer placed an order',
    payload_schema: {
      type: 'object',
      required: ['order_no', 'customer', 'total_cents', 'currency'],
      properties: {
        order_no: { type: 'string', pattern: '^S-[0-9]{4}$' },
        customer: { type: 'string' },
        total_cents: { type: 'integer', minimum: 1 },
        currency: { enum: ['EUR', 'USD', 'VND'] },
      },
      additionalProperties: false,
    },
  },
  'shop.order_shipped': {
    description: 'an order left the warehouse',
    payload_schema: { type: 'object', required: ['order_no', 'parcels'], properties: { order_no: { type: 'string' }, parcels: { type: 'integer', minimum: 1 } } },
  },
  'shop.invoice_printed': { description: 'an invoice was printed', payload_schema: { type: 'object', required: ['order_no'] } },
  'shop.cart_viewed': { description: 'a customer looked into the cart; nobody listens yet', payload_schema: { type: 'object' } },
}

/** Where the shop would be called: nothing answers at such names. */
const hook = (host: string, path: string) => `https://${host}/${path}`

export const ROUTES = {
  'shop.order_placed.webhook': { event_type: 'shop.order_placed', target_kind: 'webhook', target_ref: hook('erp.example', 'orders'), enabled: true },
  'shop.order_shipped.webhook': { event_type: 'shop.order_shipped', target_kind: 'webhook', target_ref: hook('mail.example', 'shipping-note'), enabled: true },
  'shop.invoice_printed.archive': { event_type: 'shop.invoice_printed', target_kind: 'log', target_ref: 'archive/invoices', enabled: false },
}

/** Makes what an administrator gives the application: its table, its login (without a password yet), its event types and routes. */
export async function installShop(admin: Client): Promise<void> {
  await admin.query('CREATE SCHEMA IF NOT EXISTS demo_shop')
  await admin.query('CREATE TABLE IF NOT EXISTS demo_shop.purchase (order_no text PRIMARY KEY, customer text NOT NULL, total_cents integer NOT NULL, currency text NOT NULL)')
  const { rowCount } = await admin.query(`SELECT FROM pg_roles WHERE rolname = 'demo_shop'`)
  if (!rowCount) await admin.query('CREATE ROLE demo_shop LOGIN NOSUPERUSER IN ROLE iu_emitter')
  await enterLogin(admin, 'demo_shop', 'iu_emitter')
  await admin.query('GRANT USAGE ON SCHEMA demo_shop TO demo_shop')
  await admin.query('GRANT SELECT, INSERT ON demo_shop.purchase TO demo_shop')
  const { rows: [known] } = await admin.query<{ routes: number }>('SELECT count(*)::int AS routes FROM iu_core.v_iu_outbound_route WHERE route_code = ANY ($1)', [Object.keys(ROUTES)])
  if (known!.routes === Object.keys(ROUTES).length) return
  const reason = 'the demo has an application of its own'
  for (const [type, { description, payload_schema }] of Object.entries(EVENT_TYPES)) {
    await carry(admin, 'dot_iu_register_event_type', { event_type: type, delivery_lane: 'immediate', description, payload_schema }, { reason })
  }
  for (const [route, definition] of Object.entries(ROUTES)) await carry(admin, 'dot_iu_register_route', { route, ...definition }, { reason })
}

const CUSTOMERS = ['Amara', 'Bùi Minh', 'Chloé', 'Дмитрий', 'Élodie', 'Fatima', '銀河', 'Hana']
const ORDERS = 24

interface Order { order_no: string, customer: string, total_cents: number, currency: string }

/** What the application would like to tell the world about an order; every sixth one is wrong, as applications are. */
function orderPlaced(order: Order, number: number): unknown {
  if (number % 18 === 0) return { ...order, total_cents: (order.total_cents / 100).toFixed(2) }
  if (number % 12 === 0) return { ...order, currency: 'GBP', note: 'gift' }
  if (number % 6 === 0) return { order_no: order.order_no, total_cents: -1, currency: order.currency }
  return order
}

/**
 * The application: sells, and emits its events in the same transaction as the sale. Keys name each
 * occurrence, so that running it again emits nothing twice. @returns how many events it asked for.
 */
export async function runShop(shop: Client): Promise<number> {
  let emitted = 0
  const emit = async (type: string, ref: string, payload: unknown, key: string) => {
    await shop.query('SELECT iu_core.fn_iu_emit_event($1, $2, $3, $4, $5)', [type, 'demo_shop.purchase', ref, JSON.stringify(payload), key])
    emitted++
  }
  for (let number = 1; number <= ORDERS; number++) {
    const order: Order = {
      order_no: `S-${String(number).padStart(4, '0')}`,
      customer: CUSTOMERS[number % CUSTOMERS.length]!,
      total_cents: 990 + 137 * number,
      currency: ['EUR', 'USD', 'VND'][number % 3]!,
    }
    await shop.query('BEGIN')
    await shop.query('INSERT INTO demo_shop.purchase VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING', Object.values(order))
    await emit('shop.order_placed', order.order_no, orderPlaced(order, number), `placed ${order.order_no}`)
    if (number % 2 === 0) await emit('shop.order_shipped', order.order_no, { order_no: order.order_no, parcels: number % 10 === 0 ? 0 : 1 + number % 3 }, `shipped ${order.order_no}`)
    if (number % 4 === 0) await emit('shop.invoice_printed', order.order_no, { order_no: order.order_no }, `invoiced ${order.order_no}`)
    if (number % 5 === 0) await emit('shop.cart_viewed', order.order_no, { customer: order.customer }, `viewed ${order.order_no}`)
    await shop.query('COMMIT')
  }
  return emitted
}
