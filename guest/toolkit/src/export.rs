//! The component's exports, made of the traits that a plugin implements.

/// Makes the component's exports of a [`Destination`](crate::destination::Destination): `destination_toolkit::export!(Config);`. For
/// any other target it makes nothing.
///
/// `destination_toolkit::export!(Config, with extensions);` exports the optional interfaces too, of a config that also implements the
/// traits of [`extensions`](crate::extensions).
#[macro_export]
macro_rules! export {
    ($destination:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::implement_destination!($destination);
            // What a component exports is read off a description in it. This one has the destination and nothing more.
            #[used]
            static WORLD: fn() = $crate::bindings::destination_plugin::describe_world;
            $crate::export_destination!(Component);
        };
    };
    ($destination:ty, with extensions) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            $crate::implement_destination!($destination);
            $crate::implement_extensions!($destination);
    $crate::bindings::export!(Component with_types_in $crate::bindings);
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export_destination {
    ($component:ident) => {
        $crate::bindings::exports::etl::destination::destination::__export_etl_destination_destination_0_1_0_cabi!(
            $component with_types_in $crate::bindings::exports::etl::destination::destination
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! implement_destination {
    ($destination:ty) => {
        use $crate::bindings::{self as wit, Failure};
        use $crate::destination::{self, Destination};
        use $crate::http::{WasiNetwork, WasiTransport};
        use $crate::{clock::WasiClock, config::LastConfig};

        thread_local! {
            static LAST: LastConfig<$destination> = const { LastConfig::new() };
        }

        fn valid(text: &str) -> Result<std::rc::Rc<$destination>, Failure> {
            LAST.with(|last| last.get(text, <$destination as Destination>::parse))
        }

        struct Component;

        impl wit::Guest for Component {
            fn describe() -> Result<wit::Descriptor, Failure> {
                Ok(<$destination as Destination>::describe())
            }

            fn validate_config(config: String) -> Result<Vec<wit::ConfigIssue>, Failure> {
                Ok(<$destination as Destination>::parse(&config).err().unwrap_or_default())
            }

            fn check_connection(config: String) -> Result<wit::ConnectionCheck, Failure> {
                valid(&config)?.check(&mut WasiNetwork, &mut WasiClock)
            }

            fn map_row(config: String, columns: Vec<String>, row: wit::Row) -> Result<wit::MappedRow, Failure> {
                destination::map_row(&*valid(&config)?, columns, row)
            }

            fn map_batch(
                config: String,
                columns: Vec<wit::Column>,
                changes: Vec<wit::Change>,
            ) -> Result<wit::Mapping, Failure> {
                destination::map_batch(&*valid(&config)?, &columns, &changes)
            }

            fn render_batch(config: String, batch: wit::MappedBatch) -> Result<Vec<wit::Request>, Failure> {
                destination::render_batch(&*valid(&config)?, &batch)
            }

            fn send_batch(config: String, batch: wit::MappedBatch) -> Result<wit::Report, Failure> {
                let config = valid(&config)?;
                let mut transport = WasiTransport::new(config.connection());
                let delivery = destination::send_batch(&*config, &batch, &mut transport, &mut WasiClock);
                delivery.map(|delivery| delivery.report)
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! implement_extensions {
    ($destination:ty) => {
        use $crate::extensions::{Inspection, Provisioning};

        impl wit::inspection::Guest for Component {
            fn route_limits() -> Result<Vec<wit::inspection::RouteLimit>, Failure> {
                Ok(<$destination as Inspection>::route_limits())
            }

            fn discover(config: String) -> Result<wit::inspection::Discovery, Failure> {
                valid(&config)?.discover(&mut WasiNetwork, &mut WasiClock)
            }

            fn compare_fields(
                config: String,
                columns: Vec<wit::Column>,
            ) -> Result<Option<wit::inspection::Comparison>, Failure> {
                valid(&config)?.compare_fields(&columns, &mut WasiNetwork, &mut WasiClock)
            }

            fn list_keys(config: String, cursor: Option<String>) -> Result<wit::inspection::KeyPage, Failure> {
                valid(&config)?.list_keys(cursor.as_deref(), &mut WasiNetwork, &mut WasiClock)
            }

            fn compare_records(
                config: String,
                batch: wit::MappedBatch,
            ) -> Result<Vec<wit::inspection::Difference>, Failure> {
                valid(&config)?.compare_records(&batch, &mut WasiNetwork, &mut WasiClock)
            }
        }

        impl wit::provisioning::Guest for Component {
            fn plan(
                config: String,
                columns: Vec<wit::Column>,
            ) -> Result<Vec<wit::provisioning::MissingObject>, Failure> {
                valid(&config)?.plan(&columns, &mut WasiNetwork, &mut WasiClock)
            }

            fn create(config: String, objects: Vec<wit::provisioning::MissingObject>) -> Result<(), Failure> {
                valid(&config)?.create(&objects, &mut WasiNetwork, &mut WasiClock)
            }

            fn resolve(config: String) -> Result<String, Failure> {
                valid(&config)?.resolve(config, &mut WasiNetwork, &mut WasiClock)
            }
        }

        impl wit::effects::Guest for Component {
            fn send_batch(config: String, batch: wit::MappedBatch) -> Result<wit::effects::Delivery, Failure> {
                let config = valid(&config)?;
                let mut transport = WasiTransport::new(config.connection());
                destination::send_batch(&*config, &batch, &mut transport, &mut WasiClock)
            }
        }
    };
}
