export interface Place { to: string, label: string, icon: string, key: string }

/** Where one can go: the navigation, the keys after `g`, and the help, all from this list. */
export const PLACES: { group: string, places: Place[] }[] = [
  {
    group: 'Work',
    places: [
      { to: '/', label: 'Overview', icon: 'i-lucide-gauge', key: 'o' },
      { to: '/collections', label: 'Collections', icon: 'i-lucide-library', key: 'c' },
      { to: '/attempts', label: 'Attempts', icon: 'i-lucide-activity', key: 'a' },
      { to: '/dead-letters', label: 'Dead letters', icon: 'i-lucide-mail-x', key: 'd' },
      { to: '/try', label: 'Try an event', icon: 'i-lucide-drafting-compass', key: 'e' },
      { to: '/worker', label: 'Worker', icon: 'i-lucide-cpu', key: 'w' },
    ],
  },
  {
    group: 'Control',
    places: [
      { to: '/gates', label: 'Gates', icon: 'i-lucide-lock-keyhole', key: 'g' },
      { to: '/proof', label: 'Proof', icon: 'i-lucide-flask-conical', key: 'p' },
      { to: '/conformance', label: 'Conformance', icon: 'i-lucide-scan-search', key: 'f' },
      { to: '/layers', label: 'Layers', icon: 'i-lucide-layers', key: 'y' },
      { to: '/commands', label: 'Commands', icon: 'i-lucide-terminal', key: 'm' },
      { to: '/ledger', label: 'Ledger', icon: 'i-lucide-book-check', key: 'l' },
      { to: '/accounts', label: 'Accounts', icon: 'i-lucide-users', key: 'u' },
      { to: '/api-docs', label: 'API', icon: 'i-lucide-braces', key: 'i' },
    ],
  },
]
