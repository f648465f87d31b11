import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { ReplicaTable, RseReplicas } from '../client/generated';
import { Copied } from '../components/button';
import { tapeIcon } from '../components/icons';
import { count, size } from '../components/quantity';
import { rucioWord } from '../components/texts';

export interface IReplicasProps {
  table: ReplicaTable;
  /** The RSE to take from; null: the fastest that works. */
  rse: string | null;
  trans: TranslationBundle;
  onChoose: (rse: string | null) => void;
}

/** Where the files are, and from where to take them. */
export function Replicas(props: IReplicasProps): JSX.Element {
  const { table, rse, trans, onChoose } = props;
  const group = React.useId();
  const radio = (value: string | null, usable: boolean) => (
    <input
      type="radio"
      name={group}
      checked={rse === value}
      disabled={!usable}
      onChange={() => onChoose(value)}
    />
  );
  return (
    <fieldset className="jp-Rucio-replicas">
      <legend className="jp-Rucio-hidden">{trans.__('Take from')}</legend>
      <label className="jp-Rucio-rse">
        {radio(null, true)}
        <span className="jp-Rucio-rse-told">
          <span>{trans.__('Automatic')}</span>
          <span className="jp-Rucio-rse-note">
            {trans.__('fastest that works')}
          </span>
        </span>
      </label>
      {table.rses.map(place => (
        <label key={place.rse} className="jp-Rucio-rse">
          {radio(place.rse, isUsable(place))}
          <span className="jp-Rucio-rse-told">
            <span className="jp-Rucio-rse-name">{place.rse}</span>
            <span className="jp-Rucio-rse-facts">
              {place.media === 'tape' ? (
                <span className="jp-Rucio-tag">
                  <tapeIcon.react tag="span" aria-hidden="true" />
                  {trans.__('tape')}
                </span>
              ) : (
                place.schemes.map(scheme => (
                  <span key={scheme} className="jp-Rucio-tag">
                    {scheme}
                  </span>
                ))
              )}
              <Holding place={place} trans={trans} />
            </span>
          </span>
        </label>
      ))}
      {table.files_without_replica > 0 && (
        <p className="jp-Rucio-small">
          {trans._n(
            '%2 file has no replica.',
            '%2 files have no replica.',
            table.files_without_replica,
            count(table.files_without_replica)
          )}
        </p>
      )}
      {table.files_in_archives > 0 && (
        <p className="jp-Rucio-small">
          {trans._n(
            '%2 file is inside an archive and cannot be taken out yet.',
            '%2 files are inside archives and cannot be taken out yet.',
            table.files_in_archives,
            count(table.files_in_archives)
          )}
        </p>
      )}
      {table.pfns.map(pfn => (
        <Copied
          key={pfn}
          text={pfn}
          label={trans.__('Copy the address %1', pfn)}
        />
      ))}
    </fieldset>
  );
}

function isUsable(place: RseReplicas): boolean {
  return place.reach === 'http' || place.reach === 'mount';
}

interface IHoldingProps {
  place: RseReplicas;
  trans: TranslationBundle;
}

/** How much of the DID an RSE holds, and how fast it was: `20 of 20 · 86 MB/s last time`. */
function Holding({ place, trans }: IHoldingProps): JSX.Element {
  const speed = place.reach === 'http' ? place.bytes_per_second : null;
  const parts = [
    trans.__('%1 of %2', count(place.files), count(place.files_total))
  ];
  if (place.reach === 'root-only') {
    parts.push(trans.__('xrootd only'));
  } else if (place.reach === 'mount') {
    parts.push(trans.__('mounted here'));
  }
  if (place.state !== 'AVAILABLE' && place.state !== 'MIXED') {
    parts.push(rucioWord(place.state)); // where they differ, the count tells how many can be had
  }
  if (speed) {
    parts.push(trans.__('%1/s', size(speed)));
  }
  return (
    <span
      className="jp-Rucio-rse-note"
      title={speed ? trans.__('As fast as when it was last read') : undefined}
    >
      {parts.join(' · ')}
      {speed && (
        <span className="jp-Rucio-rse-when"> {trans.__('last time')}</span>
      )}
    </span>
  );
}
