import * as React from 'react';

import type { Metadata } from '../client/generated';

/** All that is said of a DID, as Rucio says it. */
export function MetadataTable({
  metadata
}: {
  metadata: Metadata;
}): JSX.Element {
  return (
    <dl className="jp-Rucio-metadata">
      {Object.entries(metadata.values).map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
