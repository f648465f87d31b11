import { elide, elidedText, elideTo } from '../elide';

const NAME =
  'data25_13p6TeV.00358044.physics_Main.deriv.DAOD_PHYSLITE.r15774_p6697';

describe('elide', () => {
  it('leaves a name alone that fits', () => {
    expect(elide('short', 10)).toEqual({ head: 'short', tail: '' });
  });

  it('leaves out the middle and keeps both ends', () => {
    const { head, tail } = elide(NAME, 30);
    expect(NAME.startsWith(head)).toBe(true);
    expect(NAME.endsWith(tail)).toBe(true);
    expect(elidedText({ head, tail })).toHaveLength(30);
  });

  it.each([16, 24, 40])(
    'shows what tells a name from its neighbours in %i characters',
    capacity => {
      const other = NAME.replace('00358044', '00358067');
      const shown = elidedText(elide(NAME, capacity, [other]));
      const otherShown = elidedText(elide(other, capacity, [NAME]));
      expect(shown).not.toEqual(otherShown);
      expect(shown.length).toBeLessThanOrEqual(capacity + 1);
    }
  );

  it('shows the whole number in which it differs', () => {
    const other = NAME.replace('00358044', '00358047');
    expect(elidedText(elide(NAME, 30, [other]))).toContain('…00358044.');
  });

  it('shows the last digits of a number that is longer than the room', () => {
    const [one, other] = ['00358009', '00358010'].map(run =>
      NAME.replace('00358044', run)
    );
    expect(elidedText(elide(one, 16, [other]))).toContain('358009…');
  });

  it('has one gap where all after what differs fits', () => {
    const file = 'DAOD_PHYSLITE.42158210._000001.pool.root.1';
    const other = file.replace('000001', '000002');
    expect(elide(file, 26, [other])).toEqual({
      head: 'DAOD_PH',
      tail: '000001.pool.root.1'
    });
  });

  it.each([12, 20, 26, 32, 38])(
    'leaves something out at each gap in %i characters',
    capacity => {
      const file = 'DAOD_PHYSLITE.42158210._000001.pool.root.1';
      const other = file.replace('000001', '000002');
      const parts = elidedText(elide(file, capacity, [other])).split('…');
      expect(parts.length).toBeGreaterThan(1);
      expect(file).not.toContain(parts.slice(-2).join(''));
    }
  );

  it('is not misled by a neighbour of the same name', () => {
    expect(elide(NAME, 30, [NAME])).toEqual(elide(NAME, 30));
  });
});

describe('elideTo', () => {
  it('fills the room and no more', () => {
    const measure = (text: string) => text.length * 7;
    const shown = elidedText(elideTo(NAME, 210, measure));
    expect(measure(shown)).toBeLessThanOrEqual(210);
    expect(measure(shown)).toBeGreaterThan(190);
  });
});
