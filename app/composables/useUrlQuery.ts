import type { LocationQueryRaw } from 'vue-router'

/** A page's state in its address: what is set, and where a change of it leads. */
export function useUrlQuery<Key extends string>(...keys: Key[]) {
  const route = useRoute()
  const query = computed(() => Object.fromEntries(keys.map(key => [key, single(route.query[key])])) as Record<Key, string | undefined>)

  /** This page with some of its state changed; another filter starts at the first page again. */
  function to(change: Partial<Record<Key | 'after' | 'before', string | undefined>>) {
    const next: LocationQueryRaw = { ...route.query, after: undefined, before: undefined, ...change }
    return { path: route.path, query: Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined && value !== '')) }
  }
  return { query, to }
}

function single(value: unknown): string | undefined {
  return Array.isArray(value) ? value[0] ?? undefined : (value as string | null | undefined) ?? undefined
}
