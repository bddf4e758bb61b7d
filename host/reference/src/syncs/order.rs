//! Which sync goes after which. Pure: files in, places out.
//!
//! By default a sync goes after all syncs to the same deployment whose objects the plugin's descriptor lists before its own:
//! profiles before audiences. `after` in a sync file says otherwise.

use super::{Member, servers};
use crate::fault::{Fault, nearest};
use crate::pipeline::job::Job;
use destination_engine::bindings::Descriptor;

/// For each member the places of those that it goes after.
///
/// # Errors
/// Two members of one name, an `after` that names none of them, and a circle; each with the place of the member at fault.
pub(super) fn after(members: &[Member], descriptor: &Descriptor) -> Result<Vec<Vec<usize>>, Vec<(usize, Fault)>> {
    let mut faults = Vec::new();
    let named = |name: &str| members.iter().position(|member| member.sync.name.as_str() == name);
    for (place, member) in members.iter().enumerate() {
        if let Some(first) = named(member.sync.name.as_str()).filter(|&first| first < place) {
            let other = members.get(first).map(|first| first.path.display().to_string()).unwrap_or_default();
            let message = format!("is {:?}, and so is that of {other}", member.sync.name.as_str());
            faults.push((place, Fault::new("name", message).hint("give each sync a name of its own")));
        }
    }
    let places: Vec<Place> = members.iter().map(|member| Place::of(member, descriptor)).collect();
    let mut all = Vec::new();
    for (place, (member, own)) in members.iter().zip(&places).enumerate() {
        let Some(names) = &member.sync.after else {
            let earlier = places.iter().zip(members).enumerate();
            let earlier = earlier.filter(|(_, (other, _))| other.goes_before(own));
            // One that was told to go after this one does.
            let told =
                |other: &Member| other.sync.after.as_ref().is_some_and(|names| names.contains(&member.sync.name));
            all.push(earlier.filter(|(_, (_, other))| !told(other)).map(|(place, _)| place).collect());
            continue;
        };
        let mut needs = Vec::new();
        for name in names {
            match named(name.as_str()) {
                Some(need) => needs.push(need),
                None => {
                    let fault =
                        Fault::new("after", format!("names {:?}, and no sync here is called that", name.as_str()));
                    let known = members.iter().map(|member| member.sync.name.as_str());
                    let hint = match nearest(name.as_str(), known) {
                        Some(near) => format!("did you mean {near:?}?"),
                        None => "give its file, or the folder that it is in, on the command line too".to_owned(),
                    };
                    faults.push((place, fault.hint(hint)));
                }
            }
        }
        all.push(needs);
    }
    if faults.is_empty()
        && let Some(circle) = circle(&all)
    {
        let name = |place: &usize| members.get(*place).map(|member| member.sync.name.to_string()).unwrap_or_default();
        let names: Vec<String> = circle.iter().chain(circle.first()).map(name).collect();
        let fault = Fault::new("after", format!("goes round in a circle: {}", names.join(" after ")));
        faults.push((circle.first().copied().unwrap_or_default(), fault.hint("take one of them out")));
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// Where a sync stands in the default order.
struct Place {
    /// The deployment.
    servers: Vec<Option<String>>,
    /// Its object type's place in the plugin's list; `None` where it names none that is known.
    rank: Option<usize>,
}

impl Place {
    fn of(member: &Member, descriptor: &Descriptor) -> Self {
        let destination = &member.sync.destination;
        let job = Job::new(descriptor, destination, &member.sync.computed);
        let rank = job.object_type.and_then(|name| descriptor.object_types.iter().position(|known| known.name == name));
        Self { servers: servers(&descriptor.config_keys, destination), rank }
    }

    fn goes_before(&self, other: &Self) -> bool {
        self.servers == other.servers && self.rank.zip(other.rank).is_some_and(|(own, other)| own < other)
    }
}

/// Members that wait for each other, if there are such.
fn circle(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    /// What is known of a member: nothing, that the way leads over it, or that no circle begins there.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        Unseen,
        OnTheWay,
        Free,
    }
    fn visit(at: usize, after: &[Vec<usize>], marks: &mut [Mark], way: &mut Vec<usize>) -> Option<Vec<usize>> {
        match marks.get(at).copied()? {
            Mark::Free => return None,
            Mark::OnTheWay => return Some(way.iter().copied().skip_while(|&place| place != at).collect()),
            Mark::Unseen => {}
        }
        *marks.get_mut(at)? = Mark::OnTheWay;
        way.push(at);
        for &need in after.get(at)? {
            if let Some(circle) = visit(need, after, marks, way) {
                return Some(circle);
            }
        }
        way.pop();
        *marks.get_mut(at)? = Mark::Free;
        None
    }
    let mut marks = vec![Mark::Unseen; after.len()];
    (0..after.len()).find_map(|at| visit(at, after, &mut marks, &mut Vec::new()))
}
