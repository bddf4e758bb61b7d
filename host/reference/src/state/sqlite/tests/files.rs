//! The files of a state: what a kill leaves, what is lost or exchanged, who may read them and who holds them.

use super::*;

/// What an interrupted run leaves: a file and a log that was not moved into it.
fn interrupted(place: &Place) -> (Vec<u8>, Vec<u8>) {
    let mut ledger = place.begin();
    ledger.mark_pending(add("k"), Change::Added).unwrap();
    ledger.commit().unwrap();
    // Copied while it is open, as a kill would leave it.
    let (file, log) = (fs::read(place.path()).unwrap(), fs::read(log_of(&place.path())).unwrap());
    drop(ledger);
    assert!(!log.is_empty());
    (file, log)
}

#[test]
fn looking_at_what_a_kill_left_changes_no_byte_either() {
    let place = Place::new();
    let (file, log) = interrupted(&place);
    let after = Place::new();
    fs::write(after.path(), &file).unwrap();
    fs::write(log_of(&after.path()), &log).unwrap();
    let ledger = after.begin_to_read();
    assert_eq!(ledger.leaving(9).unwrap().known, 1, "what is in the log is seen");
    ledger.finish(true).unwrap();
    assert_eq!(fs::read(after.path()).unwrap(), file);
    assert_eq!(fs::read(log_of(&after.path())).unwrap(), log);
    assert_eq!(after.entries("a"), [entry("k", None)]);
}

#[test]
fn what_is_no_state_file_is_refused_and_left_alone() {
    let foreign = {
        let place = Place::new();
        Connection::open(place.path()).unwrap().execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
        fs::read(place.path()).unwrap()
    };
    let (newer, torn, overwritten) = {
        let place = Place::new();
        let keys: Vec<String> = (0..5000).map(|n| format!("key {n}")).collect();
        place.deliver(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        let file = fs::read(place.path()).unwrap();
        let mut newer = file.clone();
        newer[60..64].copy_from_slice(&9u32.to_be_bytes());
        let torn = file[..file.len() / 2].to_vec();
        let mut overwritten = file;
        let middle = overwritten.len() / 2 / 4096 * 4096;
        overwritten[middle..middle + 4096].fill(0);
        (newer, torn, overwritten)
    };
    for (bytes, expected) in [
        (Vec::new(), "is empty (0 bytes)"),
        (vec![0; 8192], "begins with nothing but NUL bytes"),
        (b"id,name\n1,x\n".to_vec(), "is not a SQLite database"),
        (foreign, "is a SQLite database of another program"),
        (newer, "has format version 9; this release knows version 3"),
        (torn, "is damaged"),
        (overwritten, "is damaged"),
    ] {
        let place = Place::new();
        fs::write(place.path(), &bytes).unwrap();
        for access in [Access::Read, Access::Write] {
            let error = State::open(&place.path(), access).unwrap_err();
            let message = error.to_string();
            assert!(message.contains(expected), "{message}");
            assert!(message.contains(&place.path().display().to_string()), "{message}");
            assert!(!error.hint().is_empty());
            assert!(fs::read(place.path()).unwrap() == bytes, "{expected}: the file was touched");
        }
        assert_eq!(place.files(), ["state.sqlite"], "{expected}");
    }
}

#[test]
fn a_file_is_one_processs_at_a_time() {
    let place = Place::new();
    let first = place.begin();
    for access in [Access::Write, Access::Read] {
        let error = State::open(&place.path(), access).unwrap_err();
        assert!(matches!(error, StateError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("state.sqlite is in use by another process"), "{error}");
    }
    first.finish(true).unwrap();
    State::open(&place.path(), Access::Write).unwrap().unwrap();
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let path = place.folder.path().join("no/such/folder/state.sqlite");
    let error = State::open_or_create(&path).unwrap_err();
    assert!(error.to_string().contains("no/such/folder/state.sqlite: cannot be made: "), "{error}");
}

#[test]
fn a_file_that_another_made_in_the_meantime_is_kept() {
    let place = Place::new();
    place.deliver(&["k"]);
    create(&super::super::Place::new(&place.path()).unwrap()).unwrap();
    assert_eq!(place.entries("a"), [entry("k", Some(1))]);
    assert_eq!(place.files(), ["state.sqlite"]);
}

/// A file and its log as a kill leaves them, in the middle of a run that sent `key`; and the file as it was before.
fn killed(place: &Place, key: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let before = fs::read(place.path()).unwrap();
    let mut ledger = place.begin();
    for commit in 0..3 {
        ledger.mark_pending(add(&format!("{key}{commit}")), Change::Added).unwrap();
        ledger.commit().unwrap();
    }
    let (file, log) = (fs::read(place.path()).unwrap(), fs::read(log_of(&place.path())).unwrap());
    drop(ledger);
    (file, log, before)
}

/// Everything that SQLite would take without a word.
#[test]
fn a_log_that_is_lost_or_another_files_is_refused_by_name_and_left_alone() {
    let place = Place::new();
    place.deliver(&["old"]);
    let (file, log, before) = killed(&place, "a");
    // The same file one run later, and another file altogether.
    let (later_file, later_log, later_before) = killed(&place, "b");
    let other = Place::new();
    other.deliver(&["theirs"]);
    let (other_file, other_log, _) = killed(&other, "c");
    let torn = &log[..40];
    let nothing: &[u8] = &[];
    for (what, file, log, said) in [
        ("the log is lost", Some(&file), None, "is missing or empty"),
        ("the log is empty", Some(&file), Some(nothing), "is missing or empty"),
        ("the log is torn off", Some(&file), Some(torn), "is missing or empty"),
        ("the file is as before the run", Some(&before), Some(&log[..]), "does not belong to"),
        ("the file is of the next run", Some(&later_file), Some(&log[..]), "does not belong to"),
        ("the log is of the next run", Some(&file), Some(&later_log[..]), "does not belong to"),
        ("the file is of the end of the run before", Some(&later_before), Some(&later_log[..]), "does not belong to"),
        ("the log is another file's", Some(&file), Some(&other_log[..]), "does not belong to"),
        ("the file is another", Some(&other_file), Some(&log[..]), "does not belong to"),
        ("the file is missing", None, Some(&log[..]), "is missing, but its log"),
    ] {
        let place = Place::with(file.map(Vec::as_slice), log);
        for access in [Access::Read, Access::Write] {
            let error = State::open(&place.path(), access).err().unwrap_or_else(|| panic!("{what}, {access:?}"));
            assert!(error.to_string().contains(said), "{what}: {error}");
            assert!(error.to_string().contains("state.sqlite-wal"), "{what}: {error}");
            assert!(!error.hint().is_empty());
        }
        assert!(State::open_or_create(&place.path()).is_err(), "{what}");
        assert_eq!(fs::read(place.path()).ok().as_ref(), file, "{what}: the file was touched");
        if log.is_some_and(|log| !log.is_empty()) {
            assert_eq!(fs::read(log_of(&place.path())).ok().as_deref(), log, "{what}: the log was touched");
        }
    }
    // And those that belong together are taken, as often as they are left.
    for (file, log) in [(&file, &log), (&later_file, &later_log)] {
        let place = Place::with(Some(file), Some(log));
        assert!(place.entries("a").contains(&entry("a2", None)));
        drop(place.begin());
        drop(place.begin());
        place.begin().finish(true).unwrap();
        assert!(place.entries("a").contains(&entry("a2", None)));
        assert_eq!(place.files(), ["state.sqlite"]);
    }
}

/// The file as it was before the end of a run, or before a key was forgotten, beside the log of a run that came after.
#[test]
fn an_older_file_is_not_the_one_that_the_next_run_began_from() {
    for forgets in [false, true] {
        let place = Place::new();
        place.deliver(&["old"]);
        let (mut older, ..) = killed(&place, "a");
        place.begin().finish(true).unwrap();
        if forgets {
            older = fs::read(place.path()).unwrap();
            let keys = ["a1".to_owned()];
            State::open(&place.path(), Access::Write).unwrap().unwrap().forget(&name("a"), &keys).unwrap();
        }
        let mut ledger = place.begin();
        ledger.mark_pending(add("b"), Change::Added).unwrap();
        ledger.commit().unwrap();
        let log = fs::read(log_of(&place.path())).unwrap();
        drop(ledger);
        let error = State::open(&Place::with(Some(&older), Some(&log)).path(), Access::Write).unwrap_err();
        assert!(matches!(error, StateError::LogForeign { .. }), "{error}");
    }
}

/// A kill between the commit of a mark and its move into the file, and another one there in the next run.
#[test]
fn marks_that_were_not_moved_into_the_file_are_taken_one_after_the_other() {
    let place = Place::new();
    place.deliver(&["old"]);
    let (mut file, mut log) = (fs::read(place.path()).unwrap(), None);
    for key in ["a", "b", "c"] {
        let place = Place::with(Some(&file), log.as_deref());
        let mut ledger = place.begin();
        let opened = fs::read(place.path()).unwrap();
        ledger.mark_pending(add(key), Change::Added).unwrap();
        ledger.commit().unwrap();
        (file, log) = (opened, Some(fs::read(log_of(&place.path())).unwrap()));
        drop(ledger);
    }
    let place = Place::with(Some(&file), log.as_deref());
    place.begin().finish(true).unwrap();
    let known = [entry("a", None), entry("b", None), entry("c", None), entry("old", Some(1))];
    assert_eq!(place.entries("a"), known);
}

/// SQLite writes a log's header and waits for the disk before it writes the first page: a kill may come in between.
#[test]
fn a_log_that_is_being_written_over_is_not_lost() {
    let place = Place::new();
    place.deliver(&["old"]);
    let mut ledger = place.begin();
    ledger.mark_pending(add("a"), Change::Added).unwrap();
    ledger.commit().unwrap();
    let (file, mut log) = (fs::read(place.path()).unwrap(), fs::read(log_of(&place.path())).unwrap());
    drop(ledger);
    let salt = u32::from_be_bytes(log[16..20].try_into().unwrap()).wrapping_add(1);
    log[16..20].copy_from_slice(&salt.to_be_bytes());
    log[20..24].fill(7);
    let place = Place::with(Some(&file), Some(&log));
    assert_eq!(place.entries("a"), [entry("a", None), entry("old", Some(1))]);
    place.begin().finish(true).unwrap();
    assert_eq!(place.entries("a"), [entry("a", None), entry("old", Some(1))]);
}

#[test]
fn a_rollback_journal_is_not_a_state_files_own() {
    let place = Place::new();
    place.deliver(&["k"]);
    fs::write(place.path().with_file_name("state.sqlite-journal"), "of another file").unwrap();
    let error = State::open(&place.path(), Access::Write).unwrap_err();
    assert!(error.to_string().contains("state.sqlite-journal does not belong to"), "{error}");
}

#[test]
fn a_state_without_its_log_can_be_taken_up_with_nothing_confirmed() {
    let place = Place::new();
    place.deliver(&["old"]);
    let (file, ..) = killed(&place, "a");
    let place = Place::with(Some(&file), None);
    assert_eq!(State::recover(&place.path()).unwrap(), Some(2));
    // What was moved into the file is there, and nothing of it counts as delivered.
    assert_eq!(place.entries("a"), [entry("a0", None), entry("old", None)]);
    let mut ledger = place.begin();
    assert_eq!(judge(&mut ledger, &[("old", 1)]), [Change::Added]);
    ledger.finish(true).unwrap();
    assert_eq!(place.files(), ["state.sqlite"]);
    assert_eq!(State::recover(&place.folder.path().join("none")).unwrap(), None);
}

#[cfg(unix)]
#[test]
fn a_state_that_is_replaced_in_the_middle_of_a_run_ends_it() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("deleted or moved away", |path| fs::remove_file(path).unwrap()),
        ("deleted or moved away", |path| fs::rename(path, path.with_file_name("moved")).unwrap()),
        ("deleted or moved away", |path| fs::remove_file(log_of(path)).unwrap()),
        ("replaced by another file", |path| {
            let bytes = fs::read(path).unwrap();
            fs::remove_file(path).unwrap();
            fs::write(path.with_file_name("keeps its inode"), "").unwrap();
            fs::write(path, bytes).unwrap();
        }),
        ("replaced by another file", |path| {
            let bytes = fs::read(log_of(path)).unwrap();
            fs::remove_file(log_of(path)).unwrap();
            fs::write(path.with_file_name("keeps its inode"), "").unwrap();
            fs::write(log_of(path), bytes).unwrap();
        }),
    ];
    for (said, damage) in damages {
        let place = Place::new();
        place.deliver(&["k"]);
        let mut ledger = place.begin();
        ledger.mark_pending(add("a"), Change::Added).unwrap();
        ledger.commit().unwrap();
        damage(&place.path());
        for dirty in [false, true] {
            if dirty {
                ledger.mark_pending(add("b"), Change::Added).unwrap();
            }
            let error = ledger.commit().unwrap_err();
            assert!(matches!(error, StateError::Replaced { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        // A second host can't begin beside the first, whatever is at the path.
        let second = State::open_or_create(&place.path()).unwrap_err();
        let refused = matches!(second, StateError::InUse { .. } | StateError::FileLost { .. });
        assert!(refused, "{second}");
        let there = |path: PathBuf| fs::read(path).ok();
        let before = (there(place.path()), there(log_of(&place.path())));
        assert!(matches!(ledger.finish(true).unwrap_err(), StateError::Replaced { .. }));
        assert_eq!((there(place.path()), there(log_of(&place.path()))), before, "what is there now is not this run's");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    let place = Place::new();
    let pipe = place.folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, said) in [
        (pipe.as_path(), "is a named pipe, not a regular file"),
        (Path::new("/dev/null"), "is a device, not a regular file"),
        (place.folder.path(), "is a folder, not a regular file"),
    ] {
        for error in [
            State::open(path, Access::Read).unwrap_err(),
            State::open(path, Access::Write).unwrap_err(),
            State::open_or_create(path).unwrap_err(),
        ] {
            assert!(
                error.to_string().contains(said) && error.to_string().contains(&path.display().to_string()),
                "{error}"
            );
        }
    }
    // A pipe in the place of a companion neither.
    place.deliver(&["k"]);
    assert!(std::process::Command::new("mkfifo").arg(log_of(&place.path())).status().unwrap().success());
    assert!(matches!(State::open(&place.path(), Access::Write), Err(StateError::LogForeign { .. })));
}

#[cfg(unix)]
#[test]
fn a_state_is_its_owners_alone_and_found_through_a_link() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.deliver(&["k"]);
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.sqlite");
    std::os::unix::fs::symlink(place.path(), &link).unwrap();
    let _held = place.begin();
    let error = State::open(&link, Access::Write).unwrap_err();
    assert!(matches!(error, StateError::InUse { .. }), "{error}");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1, "its companions are beside the file");
}

#[test]
fn a_lock_that_a_killed_run_left_means_nothing() {
    let place = Place::new();
    fs::write(place.path().with_file_name("state.sqlite-lock"), "").unwrap();
    fs::write(place.path().with_file_name("state.sqlite-new"), "half made").unwrap();
    place.deliver(&["k"]);
    assert_eq!(place.files(), ["state.sqlite"]);
}
