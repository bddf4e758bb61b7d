;; A destination that loads, and then does in each function one thing that a plugin must not do.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 8192))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
    (global.set $free (i32.add (local.get $at) (local.get 3)))
    (local.get $at))

  ;; Zeros are a sound answer here: a descriptor of empty texts and lists.
  (func (export "etl:destination/destination@0.1.0#describe") (result i32)
    (i32.const 1024))

  ;; Never ends.
  (func (export "etl:destination/destination@0.1.0#validate-config") (param i32 i32) (result i32)
    (loop $forever (br $forever))
    unreachable)

  ;; Takes 16 MiB more until it is stopped.
  (func (export "etl:destination/destination@0.1.0#check-connection") (param i32 i32) (result i32)
    (loop $more (drop (memory.grow (i32.const 256))) (br $more))
    unreachable)

  ;; Crashes.
  (func $crash_on_purpose (export "etl:destination/destination@0.1.0#map-row")
    (param i32 i32 i32 i32 i32 i32 i32) (result i32)
    unreachable)

  ;; Answers that no row was mapped and none has an issue.
  (func (export "etl:destination/destination@0.1.0#map-batch") (param i32 i32 i32 i32 i32 i32) (result i32)
    (i32.const 1024))

  ;; Fails as only an engine may.
  (func (export "etl:destination/destination@0.1.0#render-batch")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.store8 (i32.const 2048) (i32.const 1))
    (i32.const 2048))

  ;; Answers that none of the records was accepted.
  (func (export "etl:destination/destination@0.1.0#send-batch")
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (i32.const 1024)))
