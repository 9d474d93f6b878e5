//! RwLock: readers together, writers alone, all in their turn.

use super::{at_once, in_both_forms, waiting};

in_both_forms! {
    #[test]
    fn a_writer_waits_for_readers_and_those_behind_it_for_the_writer() {
        let lock = sync::RwLock::new(0);
        let readers = (at_once(lock.read()), at_once(lock.read()));
        assert_eq!(lock.statistics().holders, 2);
        let mut writer = waiting(lock.write());
        assert!(lock.try_read().is_err());
        let mut late: Vec<_> = (0..40).map(|_| waiting(lock.read())).collect();
        let mut last = waiting(lock.write());
        drop(readers.0);
        assert!(writer.poll().is_none());
        drop(readers.1);
        let mut writing = writer.poll().expect("its turn");
        *writing += 1;
        assert!(late[0].poll().is_none());
        drop(writing);
        // All readers up to the next writer come in together, more than are woken at a time.
        let reading: Vec<_> = late.iter_mut().map(|reader| reader.poll().expect("its turn")).collect();
        assert_eq!(lock.statistics().holders, 40);
        assert!(reading.iter().all(|value| **value == 1));
        assert!(last.poll().is_none());
        drop(reading);
        assert!(last.poll().is_some());
        assert_eq!(lock.statistics().holders, 0);
    }

    #[test]
    fn a_writer_that_goes_away_lets_the_readers_behind_it_in() {
        let lock = sync::RwLock::new(());
        let reading = at_once(lock.read());
        let writer = waiting(lock.write());
        let mut readers: Vec<_> = (0..40).map(|_| waiting(lock.read())).collect();
        drop(writer);
        let guards: Vec<_> = readers.iter_mut().filter_map(|reader| reader.poll()).collect();
        assert_eq!(guards.len(), 40);
        drop((reading, guards));
        assert!(lock.try_write().is_ok());
    }

    #[test]
    fn readers_and_writers_that_were_let_in_and_go_away_pass_it_on() {
        let lock = sync::RwLock::new(());
        let writing = at_once(lock.write());
        let (reader, writer) = (waiting(lock.read()), waiting(lock.write()));
        let mut last = waiting(lock.read());
        drop(writing);
        assert_eq!(reader.wakes(), 1);
        drop(reader);
        assert_eq!(writer.wakes(), 1);
        drop(writer);
        drop(last.poll().expect("its turn"));
        assert!(lock.try_write().is_ok());
    }

    #[test]
    fn a_downgraded_writer_lets_readers_in_and_no_writer() {
        let lock = sync::RwLock::new(0);
        let mut writing = at_once(lock.write());
        let (mut reader, mut writer) = (waiting(lock.read()), waiting(lock.write()));
        *writing = 7;
        let reading = writing.downgrade();
        let other = reader.poll().expect("let in");
        assert_eq!((*reading, *other), (7, 7));
        assert!(writer.poll().is_none());
        drop((reading, other));
        assert_eq!(*writer.poll().expect("its turn"), 7);
    }

    #[test]
    fn owned_guards_keep_the_lock() {
        let lock = Counted::new(sync::RwLock::new(1));
        let reading = at_once(lock.clone().read_owned());
        let mut writer = waiting(lock.clone().write_owned());
        drop(reading);
        let mut writing = writer.poll().expect("its turn");
        drop(writer);
        *writing += 1;
        let reading = writing.downgrade();
        assert_eq!(*at_once(lock.read()), 2);
        drop(reading);
        let mut lock = Counted::into_inner(lock).expect("no guard is left");
        *lock.get_mut() += 1;
        assert_eq!(lock.into_inner(), 3);
    }
}
