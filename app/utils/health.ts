import type { Backup } from '~~/shared/read-models/backups'
import type { CollectionHealthRow } from '~~/shared/read-models/collection-health'
import { plural } from './format'
import type { Mark } from './marks'

/** Whether Validate finds nothing, or how much. */
export function healthMark({ healthy, findings }: Pick<CollectionHealthRow, 'healthy' | 'findings'>): Mark {
  if (healthy === null) return { icon: 'i-lucide-circle-dashed', label: 'not counted', color: 'text-muted' }
  return healthy
    ? { icon: 'i-lucide-circle-check', label: 'healthy', color: 'text-success' }
    : { icon: 'i-lucide-octagon-x', label: plural(findings ?? 0, 'finding'), color: 'text-error' }
}

/** What came of restoring a backup. */
export const backupMark = ({ restorable }: Pick<Backup, 'restorable'>): Mark => restorable
  ? { icon: 'i-lucide-circle-check', label: 'restorable', color: 'text-success' }
  : { icon: 'i-lucide-octagon-x', label: 'not restorable', color: 'text-error' }
